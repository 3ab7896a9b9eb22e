"""The `seemachine` command: what can be typed, and a file for each word. It parses and prints."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. SEE machines that were packed for the Security World tools begin here."""
    from seemachine.cli import command

    return command.main(arguments)

"""`seemachine completion`: what a shell reads to complete the words of seemachine and pipsqueak."""

import argparse
import sys
from pathlib import Path


def run(options: argparse.Namespace) -> int:
    """Print both scripts. Returns the exit code."""
    import shtab
    from seeclient import completion

    from seemachine.cli import parser

    top = parser.whole()
    _mark_files(top)
    script = f"{shtab.complete(top, options.shell)}\n{completion.script(options.shell)}"
    options.answer.give(shell=options.shell, script=script)
    if not options.answer.as_json:
        sys.stdout.write(script)
    return 0


def _mark_files(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which words are files and folders: those that are read as a path."""
    import shtab

    for action in parser._actions:  # noqa: SLF001 argparse has no other way to see them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                _mark_files(each)
        elif action.type is Path:
            folder = action.metavar == "DIR"
            action.complete = shtab.DIRECTORY if folder else shtab.FILE  # type: ignore[attr-defined]

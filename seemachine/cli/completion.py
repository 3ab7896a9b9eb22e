"""`seemachine completion`: what a shell reads to complete the words of seemachine and pipsqueak."""

import argparse
import sys
from pathlib import Path

from seemachine.printing import say

MISSING = (
    "seemachine completion: it needs the package shtab; in the source folder: pip install"
    " '.[completion]'"
)


def run(shell: str) -> int:
    """Print both scripts. Returns the exit code."""
    try:
        import shtab
    except ModuleNotFoundError:
        say(MISSING, file=sys.stderr)
        return 1
    from seeclient import completion

    from seemachine.cli import parser

    top = parser.whole()
    _mark_files(top)
    sys.stdout.write(f"{shtab.complete(top, shell)}\n{completion.script(shell)}")
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

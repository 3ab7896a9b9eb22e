"""Options that several commands have, and what `seemachine` gives to those that take them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

ESN_HELP = "electronic serial number, such as 7852-268D-3BF9"
SLOT_HELP = "card slot, 0 to 5"
# Of files that are signed in place of the files themselves.
DIGESTS = ("sha256", "sha384", "sha512")
# Takes room and verb, and makes what runs.
Enter = Callable[[str, str], Callable[[argparse.Namespace], int]]


def add_home(parser: argparse.ArgumentParser) -> None:
    """`--home DIR`."""
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help="world folder; default $SEEMACHINE_HOME"
    )


def add_examples(parser: argparse.ArgumentParser, *lines: str) -> None:
    """Lines to copy, below the options; a line that ends with a colon is a heading."""
    below = (line if line.endswith(":") else f"  {line}" for line in lines)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(below)


def makes_files(parser: argparse.ArgumentParser) -> None:
    """Say that a command makes files in its world, which root must not do in another user's."""
    parser.set_defaults(makes_files=True)


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`, and by which name its document tells of the command. All commands have it:
    `parser.build` sees to that.
    """
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=parser.prog.partition(" ")[2])


def add_alias(parser: argparse.ArgumentParser) -> None:
    """The key that a command signs with."""
    parser.add_argument("alias", metavar="ALIAS", help="the key of this host that signs")


def add_several(parser: Any, name: str, metavar: str, what: str, **more: Any) -> None:
    """An option whose values are a list, in `parser` or a group of it."""
    parser.add_argument(
        name,
        action="append",
        default=[],
        metavar=metavar,
        help=f"{what}; may be repeated",
        **more,
    )


def add_asking(parser: argparse.ArgumentParser) -> None:
    """`--yes` and `--acknowledge REASON`, of a command that takes leaves."""
    parser.add_argument("--yes", action="store_true", help="do not ask; for scripts")
    parser.add_argument(
        "--acknowledge", metavar="REASON", help="sign although few signatures are left"
    )


def add_out(parser: argparse.ArgumentParser, what: str) -> None:
    """`--out FILE` and `--force`, of a command that writes one file."""
    parser.add_argument(
        "--out", metavar="FILE", help=f"where {what} goes; default, and -: standard output"
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")

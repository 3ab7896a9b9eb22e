"""fet: which licences a module has (guide 2.5 step 1)."""

import argparse
import sys
from collections.abc import Sequence

from seemachine.hsms.features import FEATURES
from seemachine.hsms.records import Module
from seemachine.nfast import select, tool
from seemachine.nfast.output import say

NAME = "fet"
INDENT = 16
SPEED = "HSM Speed Rating"
RATING = "High Speed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    found = select.chosen(world, options.module)
    for line in (*header(), *map(row, found)):
        say(line)


def header() -> list[str]:
    """The tree of column titles."""
    margin = " " * INDENT
    titles = [
        f"{margin}{'| ' * depth}{title}" for depth, title in enumerate((*FEATURES.values(), SPEED))
    ]
    bars = "| " * len(FEATURES)
    return [
        "",
        f"{margin}Feature Enable Tool",
        f"{margin}=====",
        "",
        *titles,
        f"Mod  Electronic | {bars[2:]}".rstrip(),
        "No.  Serial Number",
    ]


def row(module: Module) -> str:
    """The line of a module. Licences that were fed count from the next clear on."""
    flags = " ".join("Y" if feature in module.features else "N" for feature in FEATURES)
    return f"{module.number:<4} {module.esn} -- {flags} {RATING}"


def _parser() -> tool.Parser:
    parser = tool.parser(
        NAME,
        "Show which features are enabled. It changes none; nethsmadmin -a does.",
        "that it asks no questions",
    )
    parser.add_argument("-m", "--module", type=int, metavar="MODULE", help="default all")
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())

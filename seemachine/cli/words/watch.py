"""The words of `seemachine watch`."""

from typing import Any

from seemachine.cli.argtypes import whole
from seemachine.cli.words.options import Enter, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "watch",
        help="show a fleet as it changes: machines, leaves left, cards, requests, quarantine",
        description=(
            "Show a fleet until q or Ctrl-C: on a terminal a screen that is redrawn, elsewhere a"
            " line for each change. It takes no leaf, and needs the role use."
        ),
    )
    parser.add_argument("--once", action="store_true", help="look once, print it, and end")
    parser.add_argument(
        "--every",
        type=whole(1, 3600),
        default=2,
        metavar="SECONDS",
        help="seconds between two looks; default 2",
    )
    add_home(parser)
    parser.set_defaults(run=enter("watch", ""))

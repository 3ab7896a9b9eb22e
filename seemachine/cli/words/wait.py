"""The words of `seemachine wait`."""

from typing import Any

from seemachine.cli.argtypes import whole
from seemachine.cli.words.options import Enter, add_home
from seemachine.wire.names import MOST_MACHINES

MOST_SECONDS = 86400


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "wait",
        help="wait until machines answer",
        description=(
            "Wait until the machines of the world answer, or those at other addresses. Exit code 1"
            " when that takes too long; standard error says which of them do not answer, and why."
        ),
    )
    parser.add_argument(
        "--fleet",
        metavar="FLEET",
        help="host:port,host:port, unix:PATH, or a fleet file; default $SEEMACHINE_FLEET, else the"
        " machines of the world",
    )
    parser.add_argument(
        "--machines",
        type=whole(1, MOST_MACHINES),
        metavar="N",
        help="how many must answer; default: all, and one at least",
    )
    parser.add_argument(
        "--seconds",
        type=whole(1, MOST_SECONDS),
        default=60,
        metavar="N",
        help="how long to wait; default 60",
    )
    add_home(parser)
    parser.set_defaults(run=enter("wait", ""))

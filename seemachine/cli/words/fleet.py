"""The words of `seemachine fleet`."""

from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import duration, seed, whole
from seemachine.cli.words.options import Enter, add_home, makes_files
from seemachine.wire.names import MOST_MACHINES


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser("fleet", help="start, stop and look at a fleet of machines")
    verbs = parser.add_subparsers(metavar="up|down|status|check", required=True)
    _add_up(verbs)
    verbs.add_parser("down", help="stop the fleet and wait until it is gone")
    verbs.add_parser("status", help="show which machines run, and where")
    verbs.add_parser(
        "check",
        help="find what would fail later: signers, licences, certificates, stale published objects",
    )
    for name, verb in verbs.choices.items():
        add_home(verb)
        verb.set_defaults(run=enter("fleet", name))


def _add_up(verbs: Any) -> None:
    up = verbs.add_parser(
        "up",
        help="start the machines of a fleet file",
        description="Start the fleet; Ctrl-C stops it.",
    )
    makes_files(up)
    up.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FLEET.toml",
        help="default: fleet.toml of the world folder, written if missing",
    )
    up.add_argument(
        "--count",
        type=whole(1, MOST_MACHINES),
        metavar="N",
        help="how many machines to start, whatever the file says; written to a file that is new",
    )
    up.add_argument(
        "--sockets",
        metavar="FOLDER",
        help="where each machine has a Unix socket, too, relative to the world folder, whatever the"
        " file says; written to a file that is new",
    )
    _add_injection(up)
    up.add_argument(
        "--seed",
        type=seed,
        metavar="SEED",
        help="INSECURE, for tests: make all keys of the world from this seed; written to a file"
        " that is new",
    )
    up.add_argument(
        "--detach",
        action="store_true",
        help="run in the background; return when all machines are ready",
    )
    up.add_argument(
        "--ttl",
        type=duration,
        metavar="TIME",
        help="stop the fleet after this time: 90s, 30m, 2h, 1d",
    )
    up.add_argument(
        "--die-with-parent",
        action="store_true",
        help="stop the fleet when the process that started this command ends, such as a shell",
    )
    # What a command says to the supervisor that it starts: a descriptor.
    up.add_argument("--until-end-of", type=int, help=SUPPRESS)


def _add_injection(up: Any) -> None:
    up.add_argument(
        "--fault-injection",
        action="store_true",
        help="for tests: let clients have things go wrong; see: seemachine fault add --help",
    )
    up.add_argument(
        "--fault",
        action="append",
        metavar="FAULT",
        help="for tests: what goes wrong on each machine from the start, and --fault-injection,"
        " such as 'drop-after on=signing times=1'; more than one: several",
    )
    up.add_argument(
        "--latency",
        metavar="LATENCY",
        help="for tests: be as slow as a real machine: 5c, xc, model for that of each machine, or"
        " words such as chunk=0.2,signature=0.02",
    )

"""The words of `seemachine run`."""

import argparse
from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import seed, whole
from seemachine.cli.words.options import Enter
from seemachine.wire.names import MODELS, MOST_MACHINES


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "run",
        help="run a command with machines of its own, which end with it",
        usage="%(prog)s [OPTION ...] [--] COMMAND [ARGUMENT ...]",
        description=(
            "Start machines in a world of their own, run a command that finds them, and remove all"
            " of it. The exit code is the command's: 128 and the number of a signal that killed it,"
            " 127 where it was not found, 126 where it can't be executed, 125 where the machines"
            " did not come up."
        ),
        epilog="such as: seemachine run --machines 2 -- pytest",
    )
    parser.add_argument(
        "--machines",
        type=whole(1, MOST_MACHINES),
        default=1,
        metavar="N",
        help="how many machines; default 1. The first two are the guide's, a 5c and a Connect XC",
    )
    parser.add_argument("--model", choices=MODELS, help="the model of all machines")
    parser.add_argument(
        "--store",
        choices=("sqlite", "file", "memory"),
        help="where NVRAM is kept; default sqlite",
    )
    parser.add_argument(
        "--operator",
        choices=("auto", "manual"),
        default="auto",
        help="who inserts blank cards: the machines (auto, the default), or whoever runs"
        " seemachine card insert (manual)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        metavar="SEED",
        help="INSECURE, for tests: make all keys from this seed, so that they are the same on every"
        " run",
    )
    parser.add_argument(
        "--latency",
        metavar="LATENCY",
        help="be as slow as a real machine: 5c, xc, model for that of each machine, or words such"
        " as chunk=0.2,signature=0.02",
    )
    parser.add_argument(
        "--fault",
        action="append",
        metavar="FAULT",
        help="what goes wrong on each machine from the start, such as 'drop-after"
        " on=signing times=1'; more than one: several. seemachine fault adds others",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the world, and say at the end where it is"
    )
    parser.add_argument(
        "--log",
        action="store_true",
        help="where the command fails, print the log of the machines on standard error",
    )
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="the command and its arguments; SEEMACHINE_HOME leads it to the machines",
    )
    # None of the environment's worlds is needed, nor a home folder.
    parser.set_defaults(run=enter("run", ""), home=Path("/"))

"""The words of `seemachine quarantine`."""

from typing import Any

from seemachine.cli.argtypes import esn, whole
from seemachine.cli.words.options import ESN_HELP, Enter, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "quarantine", help="list leaves that may have been used elsewhere, and decide what to do"
    )
    verbs = parser.add_subparsers(metavar="list|explain|burn|skip|accept", required=True)
    _add_looking(verbs)
    _add_deciding(verbs)
    for name, verb in verbs.choices.items():
        add_home(verb)
        verb.set_defaults(run=enter("quarantine", name))


def _add_looking(verbs: Any) -> None:
    verbs.add_parser(
        "list", help="show what is in quarantine, and why; exit code 0 only if nothing is"
    )
    verbs.add_parser("explain", help="list it, with what may have happened and the ways out")


def _add_deciding(verbs: Any) -> None:
    burn = verbs.add_parser("burn", help="destroy what is in quarantine: always safe")
    skip = verbs.add_parser(
        "skip",
        help=(
            "resume at a later leaf; use only if you are certain that neither that leaf nor any"
            " later one was used"
        ),
    )
    accept = verbs.add_parser(
        "accept",
        help="stop this host from refusing a machine, once nothing of it is in quarantine",
    )
    for verb, more in ((burn, ", or a half-made key as listed"), (skip, "")):
        verb.add_argument(
            "name", metavar="NAME", help=f"NVRAM file as listed, or the alias of its key{more}"
        )
    for verb in (burn, skip, accept):
        verb.add_argument("--esn", type=esn, required=True, help=ESN_HELP)
    what = "the leaf to resume at, after every leaf that may have been used"
    skip.add_argument("--to", type=whole(1, 2**32 - 1), required=True, metavar="LEAF", help=what)

"""The words of `seemachine fault`."""

from argparse import RawDescriptionHelpFormatter
from functools import partial
from typing import Any

from seemachine.cli.argtypes import Parser, esn, whole
from seemachine.cli.words.options import Enter, add_home


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "fault", help="have things go wrong on machines that were started for it, for tests"
    )
    verbs = parser.add_subparsers(metavar="add|list|clear", required=True)
    _add_adding(verbs)
    verbs.add_parser("list", help="show what goes wrong, and how often it did")
    clear = verbs.add_parser("clear", help="end a fault, or all of them")
    clear.add_argument(
        "number",
        type=whole(1, 2**32 - 1),
        nargs="?",
        default=0,
        metavar="NUMBER",
        help="the fault as listed; it needs --esn; default: all faults",
    )
    for name, verb in verbs.choices.items():
        verb.add_argument(
            "--esn", type=esn, help="the machine, such as 7852-268D-3BF9; default: every one"
        )
        add_home(verb)
        verb.set_defaults(run=enter("fault", name))


def _add_adding(verbs: Any) -> None:
    parser = verbs.add_parser("add", help="have something go wrong")
    parser.add_argument("kind", metavar="KIND", help="what goes wrong, see below")
    parser.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="WORD=VALUE",
        help="when and how, see below, such as times=1",
    )
    # Of which the kinds and words are lines.
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.later(partial(_tell_kinds, parser))


def _tell_kinds(parser: Parser) -> None:
    from seemachine.faults.telling import in_help

    parser.epilog = in_help()

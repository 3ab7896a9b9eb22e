"""The words of `seemachine key`."""

from typing import Any

from seemachine.cli.words.options import Enter, add_home

NAME_HELP = "an alias of this host, or an NVRAM file as key list prints it"


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser("key", help="list keys and what is left of them, and destroy one")
    verbs = parser.add_subparsers(metavar="list|show|destroy", required=True)
    verbs.add_parser("list", help="list every key that this host, a machine or a card has")
    show = verbs.add_parser("show", help="show what there is of a key, and where")
    destroy = verbs.add_parser("destroy", help="destroy a key, so that nothing can sign with it")
    for verb in (show, destroy):
        verb.add_argument("name", metavar="NAME", help=NAME_HELP)
    destroy.add_argument("--yes", action="store_true", help="do not ask; for scripts")
    for name, verb in verbs.choices.items():
        add_home(verb)
        verb.set_defaults(run=enter("key", name))

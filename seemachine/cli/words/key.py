"""The words of `seemachine key`."""

from functools import partial
from typing import Any

from seemachine.cli.words.options import Enter, add_home, add_out

NAME_HELP = "an alias on this host, or an NVRAM file as key list prints it"


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "key", help="list keys and their remaining signatures, export a public key, destroy a key"
    )
    verbs = parser.add_subparsers(metavar="list|show|export|destroy", required=True)
    verbs.add_parser("list", help="list every key on this host, a machine or a card")
    show = verbs.add_parser("show", help="show where a key is, and how many signatures are left")
    destroy = verbs.add_parser("destroy", help="destroy a key, so that nothing can sign with it")
    for verb in (show, destroy):
        verb.add_argument("name", metavar="NAME", help=NAME_HELP)
    destroy.add_argument("--yes", action="store_true", help="do not ask; for scripts")
    _add_export(verbs)
    for name, verb in verbs.choices.items():
        add_home(verb)
        verb.set_defaults(run=enter("key", name))


def _add_export(verbs: Any) -> None:
    export = verbs.add_parser(
        "export", help="write the public key of an alias in the form that another tool takes"
    )
    export.add_argument("alias", metavar="ALIAS", help="alias of a key on this host")
    export.later(partial(_add_format, export))
    add_out(export, "the key")


def _add_format(export: Any) -> None:
    from seemachine.encodings.forms import KEY_FORMS

    names = list(KEY_FORMS)
    export.add_argument(
        "--format",
        choices=names,
        metavar="FORM",
        default="pem",
        help=f"one of {', '.join(names)}; default pem",
    )

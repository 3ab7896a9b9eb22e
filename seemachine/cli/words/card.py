"""The words of `seemachine card`."""

from typing import Any

from seemachine.cli.argtypes import esn, slot, whole
from seemachine.cli.words.options import ESN_HELP, SLOT_HELP, Enter, add_home, makes_files


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser("card", help="make, move, format and list smart cards")
    verbs = parser.add_subparsers(metavar="new|insert|remove|format|list", required=True)
    new = verbs.add_parser("new", help="put blank cards on the rack; print one name per line")
    new.add_argument(
        "--count", type=whole(1, 10_000), default=1, metavar="N", help="how many; default 1"
    )
    insert = verbs.add_parser("insert", help="put a card from the rack into a slot")
    insert.add_argument("card", metavar="CARD", help="its name, as card new and card list print it")
    remove = verbs.add_parser(
        "remove", help="take the card out of a slot and put it back on the rack"
    )
    formatting = verbs.add_parser("format", help="make the card in a slot blank")
    formatting.add_argument("--force", action="store_true", help="even if it holds unused leases")
    verbs.add_parser("list", help="list every card and where it is")
    for verb in (insert, remove, formatting):
        verb.add_argument("--esn", type=esn, required=True, help=ESN_HELP)
        verb.add_argument("--slot", type=slot, required=True, metavar="N", help=SLOT_HELP)
    for verb in (new, insert, remove, formatting):
        makes_files(verb)
    for name, verb in verbs.choices.items():
        add_home(verb)
        verb.set_defaults(run=enter("card", name))

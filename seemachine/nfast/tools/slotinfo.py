"""slotinfo: the card slots of a module, and formatting the card in one (guide 2.7.2.1 step 1, 2.9.3
step 1).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seemachine.hsms.records import Module
from seemachine.nfast import card_slots, select, tool
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.cards.cardsets import read_set_card
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.wire.names import FIRST_DYNAMIC_SLOT, SLOTS
from seemachine.world import World

NAME = "slotinfo"
SOFT_SLOT = 1
OURS = (
    "what -s prints of a card; the title of each table where there are several modules; flags of"
    " dynamic slots; that --format refuses a card with unused leases, which `seemachine card format"
    " --force` formats"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit code."""
    return tool.run(_parser(), arguments, _act)


def _act(options: argparse.Namespace) -> None:
    world = tool.world()
    if options.format:
        if options.module is None:
            raise Refusal("say which module: -m MODULE")
        _format(world, select.by_number(world, options.module), options)
        return
    found = select.chosen(world, options.module)
    for module in found:
        if options.slot is not None:
            _show(world, module, options.slot)
            continue
        if len(found) > 1:
            say(f"Module #{module.number}:")
        _list(world, module)


def _format(world: World, module: Module, options: argparse.Namespace) -> None:
    if options.slot is None:
        raise Refusal("say which slot: -s SLOT")
    select.refuse_mode(module)
    if options.slot == SOFT_SLOT:
        raise Refusal(f"slot {SOFT_SLOT} is the soft token of the module, and holds no card")
    say(f"Formatting token in module {module.number} slot {options.slot}:")
    path = _card(world, module, options.slot)
    of_a_set = path is not None and read_set_card(path) is not None
    if of_a_set and not options.ignoreauth:
        raise Refusal(
            "the card is of the Security World and asks for authorization; --ignoreauth formats it"
            " all the same"
        )
    # A card of the Security World was asked for by --ignoreauth; unused leases are destroyed by
    # `seemachine card format --force` alone.
    Rack(world).format(module.esn, options.slot, force=of_a_set)
    say("Formatted token OK")


def _show(world: World, module: Module, slot: int) -> None:
    path = _card(world, module, slot)
    if slot == SOFT_SLOT or path is None:
        say(f"Module {module.number} slot {slot}: empty")
        return
    card = read_set_card(path)
    what = card.label if card else card_slots.kind_of(path)
    say(f"Module {module.number} slot {slot}: {what}")


def _list(world: World, module: Module) -> None:
    slots = Slots(world, module.esn)
    say("Slot Type            Token   IC    Flags   Details")
    for slot in SLOTS:
        present = slot != SOFT_SLOT and _card(world, module, slot) is not None
        kind = "Software Tkn" if slot == SOFT_SLOT else "Smartcard"
        flags = "" if slot == SOFT_SLOT else "AD" if slot >= FIRST_DYNAMIC_SLOT else "A"
        count = slots.ic(slot) if present else 0
        say(f"#{slot:<3} {kind:<15} {'present' if present else '-':<7} {count:<5} {flags}".rstrip())


def _card(world: World, module: Module, slot: int) -> Path | None:
    slots = Slots(world, module.esn)
    with slots.locked():
        return slots.occupant(slot)


def _parser() -> tool.Parser:
    parser = tool.parser(NAME, "List card slots, or format the card in one.", OURS)
    parser.add_argument("-m", "--module", type=int, metavar="MODULE", help="default all")
    parser.add_argument("-s", "--slot", type=int, metavar="SLOT")
    parser.add_argument("--format", action="store_true", help="make the card blank")
    parser.add_argument(
        "--ignoreauth", action="store_true", help="also a card that asks for authorization"
    )
    tool.add_help_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())

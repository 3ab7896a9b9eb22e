"""nfkminfo -w: the Security World, the modules in it, and their slots with the cards of sets."""

from seemachine.hsms.records import OPERATIONAL, Module
from seemachine.nfast import card_slots, securityworld
from seemachine.nfast.output import say
from seemachine.nfast.securityworld import SecurityWorld
from seemachine.state.cards.cardsets import OPERATOR, SetCard, read_set_card
from seemachine.state.cards.dealing import CardSet
from seemachine.state.cards.slots import Slots
from seemachine.wire.names import FIRST_DYNAMIC_SLOT, SLOTS
from seemachine.world import World

STATE = "0x37270009 Initialised {usable} Recovery PINRecovery"
# The number of the first is public; those of the others are ours.
STATES = {
    OPERATIONAL: "0x2 Usable",
    "maintenance": "0x3 MaintMode",
    "initialization": "0x4 InitMode",
}
# By what is in a slot; the number of the first is public.
SLOT_STATES = {
    "": "0x2 Empty",
    "admin": "0x4 Admin",
    "operator": "0x5 Operator",
    "blank": "0x6 Blank",
}
FOREIGN = "0x7 Unrecognised"
SOFT_SLOT = 1


def show(found: SecurityWorld, known: list[Module]) -> None:
    """The block of the world; `known` are all modules."""
    usable = "Usable" if any(module.mode == OPERATIONAL for module in known) else "!Usable"
    say("World")
    _lines(
        12,
        {
            "generation": str(found.generation),
            "state": STATE.format(usable=usable),
            "n_modules": str(len(known)),
            "hknso": found.admin.hash,
            "ex.client": "none",
            "k-out-of-n": f"{found.admin.quorum}/{found.admin.cards}",
        },
    )


def show_module(world: World, found: SecurityWorld, module: Module) -> None:
    """The block of a module, and one for each of its slots."""
    say()
    say(f"Module #{module.number}")
    _lines(
        12,
        {
            "generation": str(found.generation),
            "state": _state(module),
            "flags": "0x10000 ShareTarget",
            "n_slots": str(len(SLOTS)),
            "esn": module.esn,
        },
    )
    slots = Slots(world, module.esn)
    for slot in SLOTS:
        with slots.locked():
            path = None if slot == SOFT_SLOT else slots.occupant(slot)
            count = slots.ic(slot) if path else 0
            card = read_set_card(path) if path else None
            kind = card_slots.kind_of(path) if path else ""
        say()
        say(f"Module #{module.number} Slot #{slot} IC {count}")
        _slot(world, slot, kind, card)


def show_pool(found: SecurityWorld, known: list[Module], chosen: list[Module]) -> None:
    """All modules as one."""
    states = {_state(module) for module in known}
    usable = STATES[OPERATIONAL]
    say()
    say("Pool")
    _lines(
        12,
        {
            "generation": str(found.generation),
            "state": usable if usable in states or not states else min(states),
            "esn": ", ".join(module.esn for module in chosen),
        },
    )


def _state(module: Module) -> str:
    return STATES.get(module.mode, f"0x0 {module.mode}")


def _slot(world: World, slot: int, kind: str, card: SetCard | None) -> None:
    dynamic = " DynamicSlot" if slot >= FIRST_DYNAMIC_SLOT else ""
    flags = "0x0" if slot == SOFT_SLOT else f"0x{80002 if dynamic else 2} SupportsAuthentication"
    _lines(
        14,
        {
            "generation": "1",
            "phystype": "SoftToken" if slot == SOFT_SLOT else "SmartCard",
            "slotlistflags": flags + dynamic,
            "state": SLOT_STATES.get(kind, FOREIGN),
            "flags": "0x20000 Passphrase" if card and card.passphrase else "0x0",
            "shareno": str(card.number if card else 0),
            "shares": _shares(card) if card else "",
            "error": "OK",
        },
    )
    of_a_set = card is not None and card.kind == OPERATOR
    known = {each.hash: each for each in securityworld.operator_sets(world)} if of_a_set else {}
    _cardset(known.get(card.set_hash) if card else None)


def _shares(card: SetCard) -> str:
    share = "LTU" if card.kind == OPERATOR else "LTNSO"
    return f"{share}(PIN)" if card.passphrase else share


def _cardset(cardset: CardSet | None) -> None:
    if cardset is None:
        say("No Cardset")
        return
    say("Cardset")
    quorum = f"{cardset.quorum}/{cardset.cards}"
    _lines(14, {"name": f'"{cardset.name}"', "k-out-of-n": quorum, "hkltu": cardset.hash})


def _lines(column: int, lines: dict[str, str]) -> None:
    for name, value in lines.items():
        say(f" {name:<{column - 1}} {value}".rstrip())

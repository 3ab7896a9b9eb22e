"""How to insert a card that a tool waits for, or found missing."""

import sys

from seemachine.nfast import questions, select
from seemachine.nfast.card_slots import EMPTY, Search, presented
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.cards import hands
from seemachine.state.cards.cardsets import ADMIN
from seemachine.state.cards.rack import Rack
from seemachine.wire.names import FIRST_DYNAMIC_SLOT

FRONT_SLOT = 0


def missing(search: Search, read: dict[int, bytes]) -> Refusal:
    """Why no further card was read, and what to do."""
    where = f"slot {search.slot}" if search.slot is not None else "any slot"
    counted = f"{len(read)} of {search.cardset.quorum} read"
    advice = (
        f"no further card of {_called(search)} in {where} of module {search.module.number};"
        f" {counted}; {_advice(search, read)}"
    )
    several = search.option and len(select.enrolled(search.world)) > 1
    return Refusal(f"{advice}; or name another module with {search.option}" if several else advice)


def hint(
    search: Search, read: dict[int, bytes], seen: dict[int, str], hinted: dict[int, str]
) -> dict[int, str]:
    """For a person who waits and does not know for what, once for what is seen in the slots;
    returns for what it was given.

    On standard error: the guide's dialogues have no such line.
    """
    if seen == hinted or not questions.at_terminal():
        return hinted
    known = [
        f"{card.label} in slot {slot} was read already; "
        for slot, (_, card) in presented(search.world, search.module).items()
        if card and card.set_hash == search.cardset.hash and card.number in read
    ]
    say(
        f"waiting for a card of {_called(search)}; {''.join(known)}{_advice(search, read)}",
        file=sys.stderr,
    )
    return dict(seen)


def _called(search: Search) -> str:
    return (
        "the Administrator Card Set" if search.cardset.kind == ADMIN else f"`{search.cardset.name}'"
    )


def _advice(search: Search, read: dict[int, bytes]) -> str:
    """How to insert a card of the set that was not read: one that lies on the rack, if there is
    one.
    """
    cardset, esn = search.cardset, search.module.esn
    prefix = ADMIN if cardset.kind == ADMIN else cardset.name
    names = [f"{prefix}-{number}" for number in range(1, cardset.cards + 1) if number not in read]
    places = {found.card: (found.esn, found.slot) for found in Rack(search.world).listing()}
    card = min(names, key=lambda name: places.get(name, ("",))[0] != "")
    slot, taken = _place(search)
    leaving = [
        place
        for place in (places.get(card, ("", -1)), (esn, slot) if taken else ("", -1))
        if place[0]
    ]
    first = "".join(f"{hands.remove(*place)}; " for place in leaving)
    return f"insert one with: {first}{hands.insert(esn, slot, card)}"


def _place(search: Search) -> tuple[int, bool]:
    """The slot for a further card, and whether another one has to leave it."""
    empty = [
        slot for slot, (text, _) in presented(search.world, search.module).items() if text == EMPTY
    ]
    if search.slot is not None:
        return search.slot, search.slot not in empty
    usual = FRONT_SLOT if search.cardset.kind == ADMIN else FIRST_DYNAMIC_SLOT
    free = [slot for slot in (usual, *empty) if slot in empty]
    return (free[0], False) if free else (usual, True)

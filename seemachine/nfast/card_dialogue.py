"""The card dialogue: what the tools print while they wait for the cards of a set and read them
(guide 2.5.1, 2.5.2.3, 2.9.2).
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from seemachine.hsms.records import Module
from seemachine.nfast import encryption, secret_sharing, securityworld, select
from seemachine.nfast.questions import at_terminal, secret
from seemachine.nfast.refusals import Refusal
from seemachine.nfast.securityworld import CardSet
from seemachine.nfast.tool import say
from seemachine.state.cards.cardsets import ADMIN, SetCard, read_set_card
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card
from seemachine.state.errors import StateCorrupt
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.world import World

# Slot 1 holds no card: it is the soft token of the module (slotinfo), and the guide's dialogues
# pass it over.
SHOWN = (0, 2, 3, 4, 5)
FRONT_SLOT = 0
EMPTY = "empty"
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 600.0
# How long tools wait for a card when no terminal is there; the default is not at all.
PATIENCE_VARIABLE = "SEEMACHINE_CARD_SECONDS"


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Who reads which set where.

    `title` is the first line; `counted` says whether the count of cards read is printed first;
    `option` names another module.
    """

    world: World
    module: Module
    cardset: CardSet
    title: str = ""
    slot: int | None = None
    counted: bool = True
    option: str = ""

    @property
    def name(self) -> str:
        """How lines begin."""
        return f"Module {self.module.number}"

    def wanted(self, slot: int, token: SetCard | None) -> bool:
        """Whether this card in this slot is one to read."""
        return (
            token is not None and token.set_hash == self.cardset.hash and self.slot in (None, slot)
        )


def load(dialogue: Dialogue) -> bytes:
    """Read a quorum of cards and return the secret of the set.

    Raises Refusal: mode, no card, wrong passphrase.
    """
    select.refuse_mode(dialogue.module)
    say(dialogue.title or f"Loading `{dialogue.cardset.name}':")
    if dialogue.counted:
        say(f"{dialogue.name}: 0 cards of {dialogue.cardset.quorum} read")
    read: dict[int, bytes] = {}
    seen: dict[int, str] = {}
    hinted: dict[int, str] = {}
    began = time.monotonic()
    while len(read) < dialogue.cardset.quorum:
        found = _next_card(dialogue, seen, read)
        if found is not None:
            slot, token = found
            read[token.number] = _read(dialogue, slot, token)
            began, hinted = time.monotonic(), {}
            if len(read) < dialogue.cardset.quorum:
                say(
                    f"{dialogue.name}: {len(read)} card{'s' * (len(read) > 1)} of"
                    f" {dialogue.cardset.quorum} read"
                )
        elif time.monotonic() - began >= _patience():
            raise _missing(dialogue, read)
        else:
            hinted = _hint(dialogue, read, seen, hinted)
            time.sleep(LOOK_SECONDS)
    say("Card reading complete.")
    say()
    return _joined(dialogue, read)


def where(world: World, number: int | None, set_hash: str) -> Module:
    """The module to read the cards of a set in: that of the number, else the first to which one is
    presented, else the first.

    Raises Refusal: no such module, mode.
    """
    holding = [
        module
        for module in select.ready(world, number)
        if any(
            token and token.set_hash == set_hash for _, token in presented(world, module).values()
        )
    ]
    module = holding[0] if holding else select.only(world, number)
    select.refuse_mode(module)
    return module


def _next_card(
    dialogue: Dialogue, seen: dict[int, str], read: dict[int, bytes]
) -> tuple[int, SetCard] | None:
    """Print what changed in the slots since the last look; then the first slot with a card of the
    set that was not read yet.
    """
    cards = presented(dialogue.world, dialogue.module)
    useful = [
        slot
        for slot, (_, token) in cards.items()
        if token and dialogue.wanted(slot, token) and token.number not in read
    ]
    # What is about to be read is shown first, as in all of the guide's dialogues.
    for slot in sorted(cards, key=lambda slot: (slot not in useful[:1], slot)):
        text = cards[slot][0]
        if seen.get(slot) != text:
            seen[slot] = text
            say(f"{dialogue.name} slot {slot}: {text}")
    token = cards[useful[0]][1] if useful else None
    return (useful[0], token) if token else None


def presented(world: World, module: Module) -> dict[int, tuple[str, SetCard | None]]:
    """What is in the slots of a module: its text, and the card where it is one of a set."""
    slots = Slots(world, module.esn)
    with slots.locked():
        return {slot: _described(slots.occupant(slot)) for slot in SHOWN}


def _described(path: Path | None) -> tuple[str, SetCard | None]:
    if path is None:
        return EMPTY, None
    token = read_set_card(path)
    return (token.label, token) if token else (kind_of(path), None)


def kind_of(path: Path) -> str:
    """What a card file holds: operator, admin, blank, lms or unknown."""
    token = read_set_card(path)
    if token is not None:
        return token.kind
    try:
        return read_card(path).kind
    except StateCorrupt:
        return "unknown"


def _read(dialogue: Dialogue, slot: int, token: SetCard) -> bytes:
    passphrase = (
        secret(f"{dialogue.name} slot {slot}: Enter passphrase:") if token.passphrase else ""
    )
    supplied = "passphrase supplied" if token.passphrase else "no passphrase supplied"
    say(f"{dialogue.name} slot {slot}:- {supplied} - reading card")
    try:
        return securityworld.open_share(token, passphrase)
    except encryption.WrongKey:
        raise Refusal(f"wrong passphrase for {token.label} in slot {slot}") from None


def _joined(dialogue: Dialogue, read: dict[int, bytes]) -> bytes:
    found = secret_sharing.join(read)
    if encryption.derived(found, "card set")[:20].hex() != dialogue.cardset.hash:
        raise Refusal(
            f"the cards of `{dialogue.cardset.name}' do not fit together; one of them is damaged"
        )
    return found


def _patience() -> float:
    if at_terminal():
        return PATIENCE_SECONDS
    text = os.environ.get(PATIENCE_VARIABLE, "0")
    return float(text) if text.isascii() and text.isdecimal() else 0.0


def _missing(dialogue: Dialogue, read: dict[int, bytes]) -> Refusal:
    where = f"slot {dialogue.slot}" if dialogue.slot is not None else "any slot"
    counted = f"{len(read)} of {dialogue.cardset.quorum} read"
    advice = (
        f"no further card of {_called(dialogue)} in {where} of module {dialogue.module.number};"
        f" {counted}; {_advice(dialogue, read)}"
    )
    several = dialogue.option and len(select.enrolled(dialogue.world)) > 1
    return Refusal(
        f"{advice}; or name another module with {dialogue.option}" if several else advice
    )


def _hint(
    dialogue: Dialogue, read: dict[int, bytes], seen: dict[int, str], hinted: dict[int, str]
) -> dict[int, str]:
    """For a person who waits and does not know for what, once for what is seen in the slots;
    returns for what it was given.

    On standard error: the guide's dialogues have no such line.
    """
    if seen == hinted or not at_terminal():
        return hinted
    known = [
        f"{token.label} in slot {slot} was read already; "
        for slot, (_, token) in presented(dialogue.world, dialogue.module).items()
        if token and token.set_hash == dialogue.cardset.hash and token.number in read
    ]
    say(
        f"waiting for a card of {_called(dialogue)}; {''.join(known)}{_advice(dialogue, read)}",
        file=sys.stderr,
    )
    return dict(seen)


def _called(dialogue: Dialogue) -> str:
    return (
        "the Administrator Card Set"
        if dialogue.cardset.token == ADMIN
        else f"`{dialogue.cardset.name}'"
    )


def _advice(dialogue: Dialogue, read: dict[int, bytes]) -> str:
    """How to insert a card of the set that was not read: one that lies on the rack, if there is
    one.
    """
    cardset, esn = dialogue.cardset, dialogue.module.esn
    prefix = ADMIN if cardset.token == ADMIN else cardset.name
    names = [f"{prefix}-{number}" for number in range(1, cardset.cards + 1) if number not in read]
    places = {found.card: (found.esn, found.slot) for found in Rack(dialogue.world).listing()}
    card = min(names, key=lambda name: places.get(name, ("",))[0] != "")
    slot, taken = _place(dialogue)
    leaving = [
        place
        for place in (places.get(card, ("", -1)), (esn, slot) if taken else ("", -1))
        if place[0]
    ]
    first = "".join(f"seemachine card remove --esn {esn} --slot {slot}; " for esn, slot in leaving)
    return f"insert one with: {first}seemachine card insert {card} --esn {esn} --slot {slot}"


def _place(dialogue: Dialogue) -> tuple[int, bool]:
    """The slot for a further card, and whether another one has to leave it."""
    empty = [
        slot
        for slot, (text, _) in presented(dialogue.world, dialogue.module).items()
        if text == EMPTY
    ]
    if dialogue.slot is not None:
        return dialogue.slot, dialogue.slot not in empty
    usual = FRONT_SLOT if dialogue.cardset.token == ADMIN else FIRST_DYNAMIC_SLOT
    free = [slot for slot in (usual, *empty) if slot in empty]
    return (free[0], False) if free else (usual, True)

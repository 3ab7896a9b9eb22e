"""Smart cards.

A card is one file; where the file lies is where the card is, so it can't be in two places.

    cards/<name>.card                    on the rack
    hsm/<ESN>/slots/<n>/<name>.card      in slot n of a machine

Moving a card is one rename. Whoever moves, reads or writes a card holds the lock of the rack. Name,
kind and number of leases stand in clear; the leases are encrypted under the key of the world. A
blank card has no secret and belongs to no world.
"""

from pathlib import Path
from typing import Any

import msgpack

from seemachine.formats import Format
from seemachine.frozen import frozen, replace
from seemachine.state.cards.cardsets import read_set_card
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import replace_file
from seemachine.state.disk.world_key import world_key, world_of
from seemachine.state.errors import StateCopied, StateCorrupt, StateForeign
from seemachine.state.records import StoredLease, lease_from, lease_values
from seemachine.state.witness import card_witness
from seemachine.world import CARD_SUFFIX, World

FORMAT = Format("card file")
BLANK = "blank"
LMS = "lms"
# What `look` says of cards that can't be used: damaged, not the original, of another world.
UNKNOWN, COPY, FOREIGN = "unknown", "copy", "foreign"
FIELDS = {"name": str, "kind": str, "leases": int, "secret": bytes}


@frozen
class Card:
    """What is on a card.

    An lms card stays one when its leases are used up; formatting makes it blank.
    """

    name: str
    kind: str
    leases: tuple[StoredLease, ...]

    @classmethod
    def blank(cls, name: str) -> "Card":
        """A freshly formatted card."""
        return cls(name, BLANK, ())

    def written(self, leases: tuple[StoredLease, ...]) -> "Card":
        """This card with the leases of a key on it."""
        return replace(self, kind=LMS, leases=leases)

    def without_first(self) -> "Card":
        """This card after its next lease was taken off."""
        return replace(self, leases=self.leases[1:])


def read_card(path: Path) -> Card:
    """The card in a file.

    Raises StateCorrupt; StateForeign when it is another world's; StateCopied when it is not the
    original.
    """
    what = f"card {path.stem}"
    values = _values(path.read_bytes(), path.stem, what)
    if values["kind"] == BLANK and not values["secret"] and not values["leases"]:
        return Card.blank(path.stem)
    world = world_of(path)
    card = _lms_card(world, values, what)
    card_witness.check_original(world, path)
    return card


def carried_card(world: World, name: str, data: bytes) -> Card:
    """An lms card that lies in no place of cards: who asks sees to it that it comes back once.

    Raises as `read_card`.
    """
    what = f"card {name}"
    return _lms_card(world, _values(data, name, what), what)


def write_card(folder: Path, card: Card) -> None:
    """Store a card durably in a folder.

    Raises OSError; then it is not known whether the old card is there or the new one.
    """
    path = folder / f"{card.name}{CARD_SUFFIX}"
    world = world_of(path)
    if card.kind == BLANK:
        replace_file(path, _encoded(card, b""))
        card_witness.forget(world, path)
        return
    # The witness knows the new file before that is the card, and knows the old one no more before
    # anybody relies on the new one.
    # Swapped, a crash would leave a card that is refused, or let an older file of the card come
    # back.
    secret = world_key(world).encrypt(
        "card",
        _clear(card.name, len(card.leases)),
        msgpack.packb(list(map(lease_values, card.leases))),
    )
    replace_file(
        path,
        _encoded(card, secret),
        before=lambda scratch: card_witness.expect(world, path, scratch),
    )
    card_witness.confirm(world, path)


def look(path: Path) -> tuple[str, int]:
    """The kind of a card and how many leases it has to give, whatever state it is in: for cards of
    ACS and OCS see `cardsets`.
    """
    try:
        card = read_card(path)
    except StateCopied:
        return COPY, 0
    except StateForeign:
        return FOREIGN, 0
    except StateCorrupt:
        of_set = read_set_card(path)
        return (of_set.kind if of_set else UNKNOWN), 0
    return card.kind, len(card.leases)


def _encoded(card: Card, secret: bytes) -> bytes:
    return seal(
        {"name": card.name, "kind": card.kind, "leases": len(card.leases), "secret": secret}, FORMAT
    )


def _values(data: bytes, name: str, what: str) -> dict[str, Any]:
    """What stands in a file that should be the card of that name."""
    values = unseal(data, what, FORMAT)
    if {field: type(value) for field, value in values.items()} != FIELDS:
        raise StateCorrupt(f"{what}: not a card of this version")
    if values["name"] != name:
        raise StateCopied(f"{what}: a copy of card {values['name']}; copies are not used")
    return values


def _lms_card(world: World, values: dict[str, Any], what: str) -> Card:
    if values["kind"] != LMS:
        raise StateCorrupt(f"{what}: not a card of this version")
    return Card(values["name"], LMS, _decrypted(world, values, what))


def _decrypted(world: World, values: dict[str, Any], what: str) -> tuple[StoredLease, ...]:
    packed = world_key(world).decrypt(
        "card", _clear(values["name"], values["leases"]), values["secret"], what
    )
    leases = tuple(lease_from(lease, what) for lease in msgpack.unpackb(packed))
    if len(leases) != values["leases"]:
        raise StateCorrupt(f"{what}: not a card of this version")
    return leases


def _clear(name: str, leases: int) -> bytes:
    """What the secret of a card is bound to."""
    packed: bytes = msgpack.packb([name, LMS, leases])
    return packed

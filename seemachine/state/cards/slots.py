"""The card slots of one machine, and what a machine does with the card in one."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from seemachine.state.cards import hands
from seemachine.state.cards.cardsets import read_set_card
from seemachine.state.cards.occupied import TOLD, Occupied, describe
from seemachine.state.cards.smartcard import (
    BLANK,
    LMS,
    Card,
    look,
    read_card,
    write_card,
)
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.held import MADE, held
from seemachine.state.errors import CardError, StateCopied, StateCorrupt, StateLinked
from seemachine.state.records import StoredLease
from seemachine.wire.names import CARDSET, FIRST_DYNAMIC_SLOT, SLOTS
from seemachine.world import CARD_SUFFIX, World


class Slots:
    """The slots of the machine `esn` of a world folder."""

    def __init__(self, world: World, esn: str) -> None:
        self.world = world
        self.esn = esn
        self.rack = private_folder(world.cards)
        self._folder = world.hsm(esn) / "slots"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold all cards of the world still."""
        with held(self.rack / "lock", MADE):
            yield

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """The same for who only looks, which needs no right to write.

        Where no card was ever moved there is no lock yet.
        """
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(FileNotFoundError):
                stack.enter_context(held(self.rack / "lock"))
            yield

    def folder(self, slot: int) -> Path:
        """Where the card of a slot lies, to be written to.

        Raises CardError when there is no such slot.
        """
        return private_folder(self._place(slot))

    def _place(self, slot: int) -> Path:
        """The same, for who only looks: a slot that never had a card has no folder."""
        if slot not in SLOTS:
            raise CardError(f"there is no slot {slot}; slots are {SLOTS.start} to {SLOTS.stop - 1}")
        return self._folder / str(slot)

    def occupant(self, slot: int) -> Path | None:
        """The file of the card in a slot, if any."""
        return next(filter(Path.is_file, self._place(slot).glob(f"*{CARD_SUFFIX}")), None)

    def ic(self, slot: int) -> int:
        """How often a card was put into this slot."""
        path = self._place(slot) / "ic"
        # A damaged counter hides no card: it counts from 0 again.
        text = path.read_text(errors="replace") if path.exists() else "0"
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0

    def count_insertion(self, slot: int) -> None:
        """Raise the insertion counter, durably."""
        replace_file(self.folder(slot) / "ic", str(self.ic(slot) + 1).encode())

    def listing(self) -> list[Occupied]:
        """The occupied slots, in order."""
        with self.locked():
            return [
                describe(slot, self.ic(slot), path)
                for slot in SLOTS
                if (path := self.occupant(slot)) is not None
            ]

    def write_leases(
        self, slot: int, leases: tuple[StoredLease, ...], before: Callable[[], None] = lambda: None
    ) -> str:
        """Write a blank card, durably, and return its name. Raises CardError when there is none.

        `before` is called when a blank card is there and nothing was written yet: the last moment
        to forget the leases elsewhere.
        """
        with self.locked():
            card = self._blank_card(slot)
            before()
            self._write(slot, card.written(leases))
            return card.name

    def next_lease(self, slot: int) -> StoredLease | None:
        """The lease that `take_lease` would take; None when the card has none left.

        Raises CardError without an lms card.
        """
        with self.locked():
            leases = self._lms_card(slot).leases
            return leases[0] if leases else None

    def take_lease(self, slot: int, expected: StoredLease) -> int:
        """Take the next lease off the card, durably, and return how many are left.

        Raises CardError if another card is there now.
        """
        with self.locked():
            card = self._lms_card(slot)
            if card.leases[:1] != (expected,):
                raise CardError(f"the card in slot {slot} was changed meanwhile")
            self._write(slot, card.without_first())
            return len(card.leases) - 1

    def _write(self, slot: int, card: Card) -> None:
        """Durably. Raises OSError as `write_card`."""
        write_card(self.folder(slot), card)

    def suitable(self, kind: str, slot: int | None = None) -> Occupied:
        """A card to write, blank, or to take a lease from, lms; in a slot or in any.

        Raises CardError when there is none, and as the use of that card would.
        """
        check = self._blank_card if kind == BLANK else self._unspent_card
        with self.locked():
            chosen = self._first(kind) if slot is None else slot
            check(chosen)
            path = self.occupant(chosen)
            assert path is not None  # it was checked, and is held still
            return describe(chosen, self.ic(chosen), path)

    def _first(self, kind: str) -> int:
        """The first slot with such a card, or the one where it should be."""
        occupied = ((slot, self.occupant(slot)) for slot in SLOTS)
        looks = ((slot, *look(path)) for slot, path in occupied if path is not None)
        found = (
            slot for slot, is_, leases in looks if is_ == kind and bool(leases) == (kind == LMS)
        )
        return next(found, self.to_fill())

    def to_fill(self) -> int:
        """Where a blank card goes: the first slot, those of card readers before the others, whose
        card, if any, is none of the Security World.
        """
        readers_first = (*SLOTS[FIRST_DYNAMIC_SLOT:], *SLOTS[:FIRST_DYNAMIC_SLOT])
        occupied = ((slot, self.occupant(slot)) for slot in readers_first)
        free = (s for s, path in occupied if path is None or TOLD.get(look(path)[0]) != CARDSET)
        return next(free, FIRST_DYNAMIC_SLOT)

    def trace(self) -> frozenset[tuple[str, ...]]:
        """What is another one after a card came, went or was written. Holds nothing still."""
        return frozenset(filter(None, map(_traced, self._folder.glob(f"[0-5]/*{CARD_SUFFIX}"))))

    def make_place(self) -> None:
        """At a machine's start, which has slots from here on."""
        private_folder(self._folder)

    def _blank_card(self, slot: int) -> Card:
        """Nothing was written yet when this refuses."""
        try:
            card = self._card(slot)
        except StateCorrupt as error:
            raise CardError(f"{error}; {self._how_to_replace(slot)}") from None
        if card.kind != BLANK:
            raise CardError(f"the card in slot {slot} is not blank; {self._how_to_replace(slot)}")
        return card

    def _lms_card(self, slot: int) -> Card:
        try:
            card = self._card(slot)
        except StateLinked:
            raise
        except StateCopied as error:
            raise StateCopied(
                f"{error}; take another card of the key, and make this one blank with:"
                f" {hands.make_blank(self.esn, slot)}"
            ) from None
        except StateCorrupt as error:
            raise type(error)(f"{error}; take another card of the key") from None
        if card.kind != LMS:
            raise CardError(f"the card in slot {slot} is blank; insert a card of the key")
        return card

    def _unspent_card(self, slot: int) -> Card:
        card = self._lms_card(slot)
        if not card.leases:
            raise CardError(f"the card in slot {slot} is used up; {self._how_to_replace(slot)}")
        return card

    def _card(self, slot: int) -> Card:
        path = self.occupant(slot)
        if path is None:
            into = hands.insert(self.esn, slot)
            raise CardError(f"there is no card in slot {slot}; insert one with: {into}")
        if len(self._everywhere(path.name)) > 1:
            raise StateCorrupt(
                f"card {path.stem}: it is in two places, so one of them is a copy; delete the file"
                " of the copy"
            )
        if of_a_set := read_set_card(path):
            raise CardError(
                f"the card in slot {slot} is {of_a_set.label} of the Security World;"
                f" {self._how_to_replace(slot)}"
            )
        return read_card(path)

    def _everywhere(self, file_name: str) -> list[Path]:
        """Every file of a card of this name. Hands move cards, copying files is another matter."""
        world = self.rack.parent
        return [*world.glob(f"cards/{file_name}"), *world.glob(f"hsm/*/slots/*/{file_name}")]

    def _how_to_replace(self, slot: int) -> str:
        out, into = hands.remove(self.esn, slot), hands.insert(self.esn, slot)
        return f"take it out with: {out}; then insert one with: {into}"


def _traced(path: Path) -> tuple[str, ...]:
    """A card is moved and written by a rename, so it is another file afterwards."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return str(path), str(found.st_ino), str(found.st_mtime_ns), str(found.st_ctime_ns)

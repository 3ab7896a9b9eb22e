"""The cards of a test's world, and the hands that move them."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from seemachine.faults import fault_of
from seemachine.state.cards.cardsets import OPERATOR
from seemachine.state.cards.dealing import card_names, deal
from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.cards.slots import Slots
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import CardError
from seemachine.testing.fleets.bench import Bench
from seemachine.testing.fleets.fault_switch import for_good
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.world import CARD_SUFFIX

# What moves a lease returns or, in async fleets, is awaited for.
Moved = TypeVar("Moved")


class Cards(Generic[Moved]):
    """All cards of a fleet. They lie on a rack until they are put into a slot.

    Name a machine by its number, from 1, or by its ESN. Its slots are 0 to 5, and cards with leases
    go into 2 if you name no other. Each call raises CardError where a hand could not do it.
    """

    def __init__(self, bench: Bench, move_lease: Callable[[str, int], Moved]) -> None:
        """`move_lease` is `provision` of the fleet's client."""
        self._bench = bench
        self._move_lease = move_lease
        self._rack = Rack(bench.world)

    def make(self) -> str:
        """Put a blank card on the rack, and return its name."""
        return self._rack.new()[0]

    def deal(self, name: str, quorum: int = 1, cards: int = 1, passphrase: str = "") -> list[str]:
        """Make an operator card set, as for `token=` of an ML-DSA key, and return the names of its
        cards, which are on the rack.
        """
        passphrases = [passphrase.encode()] * cards
        world = self._bench.world
        made, _ = deal(world, (name, OPERATOR), name, quorum, passphrases)
        replace_file(private_folder(world.keys) / made.file_name, made.encoded())
        return card_names(name, cards)

    def listing(self) -> list[Whereabouts]:
        """Each card, where it is, and how many leases are on it."""
        return self._rack.listing()

    def insert(
        self, card: str | None = None, machine: int | str = 1, slot: int = FIRST_DYNAMIC_SLOT
    ) -> str:
        """Put a card, from wherever it is, into a slot in place of what is there; without a card a
        blank one. Returns its name.
        """
        esn = self._bench.esn_of(machine)
        chosen = card or (self._rack.blanks() or self._rack.new())[0]
        self._path(chosen)
        for found in self.listing():
            if found.esn and (found.card == chosen or (found.esn, found.slot) == (esn, slot)):
                self._rack.remove(found.esn, found.slot)
        self._rack.insert(chosen, esn, slot)
        return chosen

    def remove(self, machine: int | str = 1, slot: int = FIRST_DYNAMIC_SLOT) -> str:
        """Take the card out of a slot, put it on the rack, and return its name."""
        return self._rack.remove(self._bench.esn_of(machine), slot)

    def provision(
        self,
        card: str | None = None,
        machine: int | str = 1,
        slot: int = FIRST_DYNAMIC_SLOT,
    ) -> Moved:
        """Move a lease from a card into a machine; without a card from the one in the slot. Await
        it where the fleet is an async one. Raises CardError, StatusError.
        """
        if card is not None:
            self.insert(card, machine, slot)
        return self._move_lease(self._bench.esn_of(machine), slot)

    def lose(self, card: str) -> None:
        """It falls into the sea. Its leases are gone."""
        with Slots(self._bench.world, "").locked():
            self._path(card).unlink()

    def wear_out(self, card: str) -> None:
        """Its memory takes no more writes: it can be read, but no machine takes a lease off it or
        puts one on it. It is the fault `card-worn`, which neither `faults.clear()` nor a restart
        ends. Raises CardError, and StatusError where the machines inject no faults.
        """
        self._path(card)
        for_good(self._bench, fault_of({"kind": "card-worn", "card": card}))

    def damage(self, card: str) -> None:
        """Its chip fails: nothing can be read from it any more. Its leases are gone."""
        with Slots(self._bench.world, "").locked():
            self._path(card).write_bytes(b"damaged")

    def _path(self, card: str) -> Path:
        world = self._bench.world
        for folder in (world.cards, *world.machines.glob("*/slots/*")):
            path = folder / f"{card}{CARD_SUFFIX}"
            if path.parent == folder and path.is_file():
                return path
        raise CardError(f"there is no card {card!r}; make one with: fleet.cards.make()")

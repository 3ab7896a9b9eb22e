"""The cards of a test's world, and the hands that move them."""

from collections.abc import Callable

from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.errors import CardError
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.world import World


class Cards:
    """All cards of a fleet. They lie on a rack until they are put into a slot.

    A machine is said by its ESN or its number, from 1; its slots are 0 to 5, and cards with leases
    go into 2 if nothing else is said.
    """

    def __init__(self, world: World, esn_of: Callable[[int | str], str]) -> None:
        self._rack = Rack(world)
        self._esn_of = esn_of

    def make(self) -> str:
        """Put a blank card on the rack, and return its name."""
        return self._rack.new()[0]

    def all(self) -> list[Whereabouts]:
        """Each card, where it is, and how many leases are on it."""
        return self._rack.listing()

    def insert(
        self, card: str | None = None, machine: int | str = 1, slot: int = FIRST_DYNAMIC_SLOT
    ) -> str:
        """Put a card, from wherever it is, into a slot in place of what is there; without a card a
        blank one. Returns its name. Raises CardError.
        """
        esn = self._esn_of(machine)
        chosen = card or (self._rack.blanks() or self._rack.new())[0]
        for found in self._rack.listing():
            if found.esn and (found.card == chosen or (found.esn, found.slot) == (esn, slot)):
                self._rack.remove(found.esn, found.slot)
        self._rack.insert(chosen, esn, slot)
        return chosen

    def remove(self, machine: int | str = 1, slot: int = FIRST_DYNAMIC_SLOT) -> str:
        """Take the card out of a slot, put it on the rack, and return its name. Raises CardError
        for an empty slot.
        """
        return self._rack.remove(self._esn_of(machine), slot)

    def _found(self, card: str) -> Whereabouts:
        found = next((each for each in self.all() if each.card == card), None)
        if found is None:
            raise CardError(f"there is no card {card}; make one with: fleet.cards.make()")
        return found

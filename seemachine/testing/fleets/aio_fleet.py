"""The fleet of a test for asyncio: the blocking one, each call in a thread."""

import asyncio
from typing import TYPE_CHECKING, Any

from seeclient import aio
from seeclient.algorithms.lms.provisioning import Provisioned

from seemachine.testing.fleets.bench import OnBench
from seemachine.testing.fleets.cards import Cards
from seemachine.testing.fleets.fault_switch import Faults
from seemachine.testing.fleets.hurried import HurriedFleet
from seemachine.wire.names import FIRST_DYNAMIC_SLOT

if TYPE_CHECKING:
    from seemachine.testing.fleets.blocking_fleet import BlockingFleet


class AioFleet(OnBench, aio.Fleet):
    """The client for asyncio of machines that are up, with their cards, their log and their world.

    `client` is the fleet itself, or another client of its machines.
    """

    def __init__(self, fleet: "BlockingFleet", client: HurriedFleet) -> None:
        self.bench = fleet.bench
        self._fleet = fleet
        super().__init__(client)

    @property
    def log(self) -> list[dict[str, Any]]:
        """See OnBench. Whatever was answered is in it."""
        return self._fleet.log

    @property
    def cards(self) -> "AioCards":
        """The cards of the world."""
        return AioCards(self)

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return Faults(self.bench)

    async def start(self, machine: int | str = 1) -> None:
        """Start a machine that was stopped, on the port that it had. Raises StateError."""
        await asyncio.to_thread(self._fleet.start, machine)

    async def stop(self, machine: int | str = 1) -> None:
        """Stop a machine in order; its NVRAM stays."""
        await asyncio.to_thread(self._fleet.stop, machine)

    async def restart(self, machine: int | str = 1) -> None:
        """Stop a machine and start it again. With `store="memory"` it has forgotten its leaves."""
        await asyncio.to_thread(self._fleet.restart, machine)


class AioCards(Cards):
    """The same cards, and what a machine does with one."""

    def __init__(self, fleet: AioFleet) -> None:
        super().__init__(fleet.bench)
        self._fleet = fleet

    async def provision(
        self,
        card: str | None = None,
        machine: int | str = 1,
        slot: int = FIRST_DYNAMIC_SLOT,
    ) -> Provisioned:
        """Move a lease from a card into a machine; without a card from the one in the slot.

        Raises CardError, StatusError.
        """
        if card is not None:
            self.insert(card, machine, slot)
        return await self._fleet.provision(self._bench.esn_of(machine), slot)

"""The fleet of a test for asyncio: the blocking one, each call in a thread."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from seeclient import aio
from seeclient.algorithms.lms.provisioning import Provisioned

from seemachine.testing.fleets.bench import OnBench
from seemachine.testing.fleets.cards import Cards
from seemachine.testing.fleets.hurried import HurriedFleet

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
    def cards(self) -> Cards[Awaitable[Provisioned]]:
        """The cards of the world."""
        return Cards(self.bench, self.provision)

    async def start(self, machine: int | str = 1) -> None:
        """Start a machine that was stopped, on the port that it had. Raises StateError."""
        await asyncio.to_thread(self._fleet.start, machine)

    async def stop(self, machine: int | str = 1) -> None:
        """Stop a machine in order; its NVRAM stays."""
        await asyncio.to_thread(self._fleet.stop, machine)

    async def restart(self, machine: int | str = 1) -> None:
        """Stop a machine and start it again. With `store="memory"` it has forgotten its leaves."""
        await asyncio.to_thread(self._fleet.restart, machine)

"""The fleet of a test for trio: its machines run in the loop of the test."""

import contextlib
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import TYPE_CHECKING

import trio
from seeclient import trio_fleet, trio_wire
from seeclient.algorithms.lms.provisioning import Provisioned
from seeclient.effects import Address, Work
from seeclient.trio_wire import Wire

from seemachine.testing.fleets.bench import Bench, OnBench, name_the_end
from seemachine.testing.fleets.cards import Cards
from seemachine.testing.fleets.hurried import SHARE
from seemachine.testing.hosting import forked
from seemachine.testing.hosting.streams import StreamWire

if TYPE_CHECKING:
    import ssl


class TrioFleet(OnBench, trio_fleet.Fleet):
    """The client for trio of machines that are up, with their cards, their log and their world.

    It has no threads, so that a clock that jumps finds nobody at work.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        super().__init__(bench.environment, connect=self._connected)
        name_the_end(self.lifetime)

    async def _connected(self, address: Address, context: "ssl.SSLContext | None") -> Wire:
        """Over memory, where the machine is in this loop."""
        try:
            if self.bench.processes:
                return await trio_wire.connect(address, context)
            wire = StreamWire()
            await self.bench.hosting.places[address.esn].attend(wire.far_end)
        except OSError as error:
            raise self.bench.refusal(address.esn, error) from None
        return wire

    async def _pause(self, seconds: float) -> None:
        await super()._pause(seconds * SHARE)

    async def _work(self, work: Work) -> object:
        await trio.lowlevel.checkpoint()
        return work.call()

    @property
    def cards(self) -> Cards[Awaitable[Provisioned]]:
        """The cards of the world."""
        return Cards(self.bench, self.provision)

    async def start(self, machine: int | str = 1) -> None:
        """Start a machine that was stopped, on the port that it had. Raises StateError."""
        self.lifetime.check()
        await self.bench.hosting.start(self.bench.esn_of(machine))

    async def stop(self, machine: int | str = 1) -> None:
        """Stop a machine in order; its NVRAM stays."""
        self.lifetime.check()
        await self.bench.hosting.stop(self.bench.esn_of(machine))

    async def restart(self, machine: int | str = 1) -> None:
        """Stop a machine and start it again. With `store="memory"` it has forgotten its leaves."""
        await self.stop(machine)
        await self.start(machine)


@contextlib.asynccontextmanager
async def in_loop(bench: Bench) -> AsyncIterator[TrioFleet]:
    """The machines of a bench in this loop, for as long as the block lasts.

    What is raised comes out as it is, and in no group.
    """
    raised: BaseException | None = None
    # Another for each loop: one that ends takes away its own alone.
    leave = partial(forked.leave_loop)
    forked.give_up_in_children(leave)
    try:
        async with trio.open_nursery() as nursery:
            try:
                async with _up(bench, nursery) as fleet:
                    yield fleet
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - raised below
                raised = error
            # Should Ctrl-C have struck in the middle of the end.
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raised = group
    finally:
        forked.no_longer(leave)
        bench.clear()
    # Ctrl-C comes wherever the loop is at the moment, also in a machine.
    if isinstance(raised, BaseExceptionGroup) and raised.subgroup(KeyboardInterrupt) is not None:
        raise KeyboardInterrupt from raised
    if raised is not None:
        raise raised


@contextlib.asynccontextmanager
async def _up(bench: Bench, nursery: trio.Nursery) -> AsyncIterator[TrioFleet]:
    fleet: TrioFleet | None = None
    try:
        await nursery.start(bench.hosting.run)
        await bench.hosting.start_all()
        fleet = TrioFleet(bench)
        await fleet.connect()
        yield fleet
    finally:
        await _end(bench, fleet)


@trio.lowlevel.enable_ki_protection
async def _end(bench: Bench, fleet: TrioFleet | None) -> None:
    with trio.CancelScope(shield=True):
        if fleet is not None:
            await fleet.close()
        await bench.end()

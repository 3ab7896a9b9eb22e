"""The fleet of a test without async: its machines run in the thread that all such fleets share."""

import contextlib
import weakref
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from seeclient.algorithms.lms.provisioning import Provisioned

from seemachine.testing.fleets.bench import Bench, OnBench
from seemachine.testing.fleets.cards import Cards
from seemachine.testing.fleets.hurried import HurriedFleet
from seemachine.testing.hosting.background import background

if TYPE_CHECKING:
    from seemachine.testing.fleets.aio_fleet import AioFleet


class BlockingFleet(OnBench, HurriedFleet):
    """The blocking client of machines that are up, with their cards, their log and their world.

    Raises StateError, OSError.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._background = background()
        self._background.promise(bench.end)
        # Also of a fleet that nobody closes. Whoever collects it waits for nothing.
        finalizer = weakref.finalize(self, self._background.keep_promise, bench.end)
        finalizer.atexit = False
        try:
            self._background.call(self._background.keep, bench.hosting.run)
            self._background.call(bench.hosting.start_all)
            super().__init__(bench)
        except BaseException:
            self._end()
            raise

    @property
    def log(self) -> list[dict[str, Any]]:
        """See OnBench. Whatever was answered is in it."""
        self._background.settle()
        return super().log

    @property
    def cards(self) -> Cards[Provisioned]:
        """The cards of the world."""
        return Cards(self.bench, self.provision)

    def start(self, machine: int | str = 1) -> None:
        """Start a machine that was stopped, on the port that it had. Raises StateError."""
        self.lifetime.check()
        self._background.call(self.bench.hosting.start, self.bench.esn_of(machine))

    def stop(self, machine: int | str = 1) -> None:
        """Stop a machine in order; its NVRAM stays."""
        self.lifetime.check()
        self._background.call(self.bench.hosting.stop, self.bench.esn_of(machine))

    def restart(self, machine: int | str = 1) -> None:
        """Stop a machine and start it again. With `store="memory"` it has forgotten its leaves."""
        self.stop(machine)
        self.start(machine)

    @contextlib.asynccontextmanager
    async def aio(self) -> "AsyncIterator[AioFleet]":
        """Another client of the same machines, for asyncio."""
        from seemachine.testing.fleets.aio_fleet import AioFleet

        client = HurriedFleet(self.bench)
        try:
            yield AioFleet(self, client)
        finally:
            client.close()

    def close(self) -> None:
        """Hang up, stop the machines, and remove the world."""
        super().close()
        self._end()

    def _end(self) -> None:
        ending = self._background.keep_promise(self.bench.end)
        if ending is not None:
            ending.result()

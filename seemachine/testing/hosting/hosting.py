"""The machines of a test's world: each comes up, stops and comes up again by itself."""

import contextlib
from collections.abc import Mapping
from typing import Protocol

import trio

from seemachine.machine import Machine

# Between two looks whether somebody asks a machine to stop, as `seemachine fleet down` does.
LOOK_SECONDS = 1.0
# At the end, for requests under way.
GRACE_SECONDS = 0.25
# For machines to go once they were cancelled.
END_SECONDS = 1.0


class Place(Protocol):
    """Where one machine is, up or down. It keeps its port."""

    @property
    def is_up(self) -> bool:
        """Whether it listens."""

    @property
    def machine(self) -> Machine | None:
        """The HSM itself, while it is up, where it is in this process."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until it is stopped. Raises what keeps it from coming up."""

    async def stop(self) -> None:
        """In order. Returns when it is down."""

    def begin_with(self, fault: str) -> None:
        """Have a fault whenever it starts from now on."""

    def heed(self) -> None:
        """Stop where somebody else asks for its folder."""

    async def attend(self, stream: trio.abc.Stream) -> None:
        """Serve a client of this loop. Raises ConnectionRefusedError."""


class Hosting:
    """All of them, by ESN. Run `run` in a nursery."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.places = places
        # Those that are down because `stop` was called.
        self.stopped: set[str] = set()
        # One is started or stopped by one task at a time.
        self._turns = {esn: trio.Lock() for esn in places}
        self._nursery: trio.Nursery
        self._scope = trio.CancelScope()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until `end`."""
        with self._scope:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                while True:
                    await trio.sleep(LOOK_SECONDS)
                    for place in self.places.values():
                        # A test may have removed its folder.
                        with contextlib.suppress(OSError):
                            place.heed()

    async def start(self, esn: str) -> None:
        """Returns when it is up. Raises what keeps it from coming up."""
        async with self._turns[esn]:
            if not self.places[esn].is_up:
                await self._nursery.start(self.places[esn].run)
            self.stopped.discard(esn)

    async def start_all(self) -> None:
        """The same of all."""
        failures: list[Exception] = []

        async def start(esn: str) -> None:
            try:
                await self.start(esn)
            except Exception as error:  # noqa: BLE001 - raised below, in no group
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for esn in self.places:
                nursery.start_soon(start, esn)
        for error in failures:
            raise error

    async def stop(self, esn: str) -> None:
        """Returns when it is down."""
        async with self._turns[esn]:
            self.stopped.add(esn)
            await self.places[esn].stop()

    async def end(self) -> None:
        """Stop all, whatever they are at. Nothing comes up after that."""
        with trio.CancelScope(shield=True):
            with trio.move_on_after(GRACE_SECONDS):
                await self._stop_all()
            self._scope.cancel()
            # One that Ctrl-C struck as it came up or went says nothing any more.
            with trio.move_on_after(END_SECONDS):
                await self._stop_all()

    async def _stop_all(self) -> None:
        async with trio.open_nursery() as nursery:
            for place in self.places.values():
                nursery.start_soon(place.stop)

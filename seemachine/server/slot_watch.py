"""Where who waits for a card hears that one was moved.

Cards are files that other processes move, so somebody has to look: one task for all clients of a
machine, and only while one of them waits. Linux could tell by itself (inotify), within a number of
watches that all processes of a user share; a look costs less than it would take to do without.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import trio

from seemachine.process.pace import rest
from seemachine.wire.status import Status, StatusError

LOOK_SECONDS = 0.02

Found = TypeVar("Found")


class SlotWatch:
    """Run `run` beside the sessions; call `first` from any."""

    def __init__(self) -> None:
        self._waiting = 0
        self._begun = trio.Event()
        self._moved = trio.Event()

    async def first(
        self,
        look: Callable[[], Awaitable[Found]],
        over: trio.CancelScope,
        stirs: Callable[[], Awaitable[object]],
    ) -> Found:
        """What a look finds that finds a card; when `over` ends, what the last one found.

        `stirs` returns when the peer leaves, or says something, though it has nothing to say:
        then it would rather go on. No thread is taken but to look. Raises what both raise.
        """
        failed: list[Exception] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_heed, stirs, over, failed)
            try:
                found = await self._found(look, over)
            except Exception as error:  # noqa: BLE001 - raised below, in no group
                failed.append(error)
            nursery.cancel_scope.cancel()
        if failed:
            raise failed[0]
        return found

    async def _found(self, look: Callable[[], Awaitable[Found]], over: trio.CancelScope) -> Found:
        with self._waited_for():
            # Taken before each look: a card that is moved during it is looked for again.
            moved = self._moved
            found = await look()
            with over:
                while _is_missing(found):
                    await moved.wait()
                    moved = self._moved
                    found = await look()
        return found

    async def run(self, trace: Callable[[], Awaitable[object]]) -> None:
        """Until cancelled. `trace` gives another value after each change of the slots."""
        seen: object = None
        while True:
            await self._begun.wait()
            began = trio.current_time()
            # What can't be looked at now may be later.
            with contextlib.suppress(OSError, MemoryError):
                found = await trace()
                if found != seen:
                    seen = found
                    self._tell()
            await trio.sleep(rest(LOOK_SECONDS, trio.current_time() - began))

    def _tell(self) -> None:
        moved, self._moved = self._moved, trio.Event()
        moved.set()

    @contextlib.contextmanager
    def _waited_for(self) -> Iterator[None]:
        self._waiting += 1
        self._begun.set()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._begun = trio.Event()


async def _heed(
    stirs: Callable[[], Awaitable[object]], over: trio.CancelScope, failed: list[Exception]
) -> None:
    try:
        await stirs()
    except (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError) as error:
        failed.append(error)
    over.cancel()


def _is_missing(found: object) -> bool:
    return isinstance(found, StatusError) and found.status is Status.NotAvailable

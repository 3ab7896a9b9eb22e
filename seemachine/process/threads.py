"""Threads that a process takes at its start and keeps, for when the system gives no more.

Signing has its own. Other requests get one of the system's each, and one that was kept for them
where the system gives none. All work of a machine goes through its gate.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar, TypeVarTuple

import trio

from seemachine.process.gate import Gate, GateShut
from seemachine.process.scarcity import Scarcity
from seemachine.process.shortage import THREADS, lacking

# Until another try for memory.
SCARCE_SECONDS = 0.02

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class Threads:
    """So many. They start with `start`, or with their first work, and end with `close`."""

    def __init__(self, count: int, name: str) -> None:
        self.count = count
        self._name = name
        self._started = 0
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def start(self) -> None:
        """Raises RuntimeError when the system gives too few."""
        while self._started < self.count:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
            self._started += 1

    def close(self) -> None:
        """Each ends after the work that it is at."""
        for _ in range(self._started):
            self._work.put(None)
        self._started = 0

    @property
    def wanted(self) -> bool:
        """Whether there is work that none of them is at."""
        return not self._work.empty()

    def begin(self, work: Callable[[], None]) -> None:
        """Have work done that nobody waits for. It must not raise.

        Raises RuntimeError when the system gives too few threads.
        """
        self.start()
        self._work.put(work)

    def here(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """What work returns or raises, done by the caller."""
        return work(*arguments)

    async def run(
        self,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        abandon_on_cancel: bool = False,
    ) -> Result:
        """What work returns or raises, in its turn. Cancelled before that, it is not done.

        See trio.to_thread.run_sync for the rest.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self.start()
        future: Future[Result] = Future()
        done, token = trio.Event(), trio.lowlevel.current_trio_token()
        future.add_done_callback(lambda _: call_soon(token, done.set))
        self._work.put(partial(_settle, future, partial(work, *arguments)))
        try:
            with trio.CancelScope(shield=not abandon_on_cancel):
                await done.wait()
        finally:
            future.cancel()
        return future.result()

    def _serve(self) -> None:
        while self._do_one():
            pass

    def _do_one(self) -> bool:
        # A function of its own, so that an idle thread keeps nothing of its last work.
        work = self._work.get()
        if work is not None:
            work()
        return work is not None


class LentThreads:
    """Threads of a process as one of its machines uses them: they outlive it."""

    def __init__(self, threads: Threads, gate: Gate) -> None:
        self._threads = threads
        self._gate = gate

    def start(self) -> None:
        """See Threads."""
        self._threads.start()

    def close(self) -> None:
        """They are the process's."""

    @property
    def wanted(self) -> bool:
        """Whether any machine has work that none of them is at."""
        return self._threads.wanted

    def begin(self, work: Callable[[], None]) -> None:
        """See Threads. Not done once the gate is shut."""
        through = self._gate.through(work)

        def unless_shut() -> None:
            with contextlib.suppress(GateShut):
                through()

        self._threads.begin(unless_shut)

    def here(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """See Threads. Raises GateShut."""
        return self._gate.through(work)(*arguments)

    async def run(
        self, work: Callable[..., Result], *arguments: Any, abandon_on_cancel: bool = False
    ) -> Result:
        """See Threads."""
        through = self._gate.through(work)
        return await self._threads.run(through, *arguments, abandon_on_cancel=abandon_on_cancel)


class Workers:
    """For requests: as many threads as their limiters allow; one where the system gives none."""

    def __init__(
        self,
        scarcity: Scarcity,
        kept: Threads | LentThreads | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._scarcity = scarcity
        self._kept = kept or Threads(1, "kept")
        self._gate = gate or Gate()

    def start(self) -> None:
        """Raises RuntimeError when not even that one can be had."""
        self._kept.start()

    def close(self) -> None:
        """It ends after the work that it is at."""
        self._kept.close()

    async def run(
        self,
        limiter: trio.CapacityLimiter,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """See trio.to_thread.run_sync; cancelled, work that was begun is left to itself."""
        try:
            return await trio.to_thread.run_sync(
                self._gate.through(work),
                *arguments,
                abandon_on_cancel=True,
                limiter=limiter,
            )
        except RuntimeError as error:
            if lacking(error) != THREADS:
                raise
            self._scarcity.met(error)
        async with limiter:
            return await self._kept.run(work, *arguments, abandon_on_cancel=True)


async def aside(work: Callable[[], None]) -> None:
    """What may take long at the end of a machine. Cancelled, it is left to itself.

    Raises RuntimeError where the system gives no thread.
    """
    await trio.to_thread.run_sync(work, abandon_on_cancel=True)


async def done_at_last(work: Callable[[], None]) -> None:
    """What must be done whatever else happens: here, where the system gives no thread."""
    with trio.CancelScope(shield=True):
        try:
            await trio.to_thread.run_sync(work)
        except RuntimeError as error:
            if lacking(error) != THREADS:
                raise
            work()


def call_soon(
    loop: trio.lowlevel.TrioToken,
    function: Callable[[*Arguments], object],
    *arguments: *Arguments,
) -> None:
    """From a thread: have the loop call a function, which must not raise."""
    # The loop may be gone by now; if not, whoever waits there must not wait for ever.
    with contextlib.suppress(trio.RunFinishedError):
        while True:
            try:
                loop.run_sync_soon(function, *arguments)
            except MemoryError:
                time.sleep(SCARCE_SECONDS)
            else:
                return


def _settle(future: "Future[Result]", work: Callable[[], Result]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            future.set_exception(error)

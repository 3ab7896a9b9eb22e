"""Threads that a machine takes at its start and keeps, for when the system gives no more.

Signing has its own. Other requests get one of the system's each, and one that was kept for them
where the system gives none.
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

from seemachine.process.scarcity import Scarcity
from seemachine.process.shortage import THREADS, lacking

# Until another try for memory.
SCARCE_SECONDS = 0.02

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")
Job = tuple["Future[Any]", Callable[[], Any]]


class Threads:
    """So many. They start with `start`, or with their first work, and end with `close`."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._started = 0
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()

    def start(self) -> None:
        """Raises RuntimeError when the system gives too few."""
        while self._started < self._count:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
            self._started += 1

    def close(self) -> None:
        """Each ends after the work that it is at."""
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0

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
        future.add_done_callback(lambda _: _tell(token, done))
        self._jobs.put((future, partial(work, *arguments)))
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
        job = self._jobs.get()
        if job is not None and job[0].set_running_or_notify_cancel():
            try:
                job[0].set_result(job[1]())
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                job[0].set_exception(error)
        return job is not None


class Workers:
    """For requests: as many threads as their limiters allow; one where the system gives none."""

    def __init__(self, scarcity: Scarcity) -> None:
        self._scarcity = scarcity
        self._kept = Threads(1, "kept")

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
                work,
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


def _tell(token: trio.lowlevel.TrioToken, done: trio.Event) -> None:
    # Whoever waited may be gone by now, with its loop; if not, it must not wait for ever.
    with contextlib.suppress(trio.RunFinishedError):
        while True:
            try:
                token.run_sync_soon(done.set)
            except MemoryError:
                time.sleep(SCARCE_SECONDS)
            else:
                return

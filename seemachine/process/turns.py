"""Things that wait for a thread, which takes them batch by batch and goes on with what came
meanwhile: under load nobody is woken for a batch.

A turn is a thread's, and lasts while something waits. The threads may be those of many: between two
batches it lets others have them.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar, TypeVarTuple

import trio

from seemachine.process.threads import LentThreads, Threads, call_soon

Item = TypeVar("Item")
Arguments = TypeVarTuple("Arguments")


class Turns(Generic[Item]):
    """Run `run` in a nursery; `add` from its loop.

    `take` removes the next batch from what waits, `work` does it in a thread. What either raises
    ends `run`: else somebody would wait for ever.
    """

    def __init__(
        self,
        threads: Threads | LentThreads,
        take: Callable[[deque[Item]], list[Item]],
        work: Callable[[list[Item]], None],
    ) -> None:
        self._threads = threads
        self._take = take
        self._work = work
        self._waiting: deque[Item] = deque()
        # Of what waits and of how many have a turn: one that ends has seen all that was added.
        self._lock = threading.Lock()
        self._count = 0
        self._runs = False
        self._loop: trio.lowlevel.TrioToken
        self._failure: BaseException | None = None
        self._over = trio.Event()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nobody has a turn."""
        return not self._count and not self._waiting

    def add(self, item: Item, most: int = 1) -> None:
        """Have it done: by one that has a turn, or by another while fewer than `most` have one.

        Raises RuntimeError, and it is not done, where the system gives no thread.
        """
        with self._lock:
            self._waiting.append(item)
            begins = self._runs and self._count < most
            self._count += begins
        if begins:
            self._begin(item)

    async def run(self) -> None:
        """Until cancelled. What is under way then is waited for, and nothing else is begun."""
        self._loop = trio.lowlevel.current_trio_token()
        self._failure, self._over = None, trio.Event()
        with self._lock:
            self._runs = True
            begins = bool(self._waiting)
            self._count += begins
        try:
            if begins:
                self._begin()
            await self._over.wait()
        finally:
            with self._lock:
                self._runs, self._over = False, trio.Event()
                busy = self._count > 0
            with trio.CancelScope(shield=True):
                if busy:
                    await self._over.wait()
        if self._failure is not None:
            raise self._failure

    def call_soon(self, function: Callable[[*Arguments], object], *arguments: *Arguments) -> None:
        """From a thread: have the loop call a function. What it raises ends `run`."""
        call_soon(self._loop, self._call, function, arguments)

    def _call(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001 - `run` raises it
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._over.set()

    def _begin(self, *added: Item) -> None:
        try:
            self._threads.begin(self._turn)
        except BaseException:
            with self._lock:
                for item in added:
                    # Another that has a turn may be at it by now.
                    with contextlib.suppress(ValueError):
                        self._waiting.remove(item)
                self._leave()
            raise

    def _turn(self) -> None:
        try:
            while batch := self._batch():
                self._work(batch)
                if self._threads.wanted:
                    self._threads.begin(self._turn)
                    return
        except BaseException as error:  # noqa: BLE001 - `run` raises it
            call_soon(self._loop, self._fail, error)
            with self._lock:
                self._leave()

    def _batch(self) -> list[Item]:
        with self._lock:
            batch = self._take(self._waiting) if self._runs else []
            if not batch:
                self._leave()
            return batch

    def _leave(self) -> None:
        """With the lock held."""
        self._count -= 1
        if not self._runs and not self._count:
            call_soon(self._loop, self._over.set)

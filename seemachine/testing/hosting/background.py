"""The one thread in which the machines of blocking tests run, and its loop."""

import atexit
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar, TypeVarTuple

import trio

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

# At the end of a process, for fleets that nobody closed.
EXIT_SECONDS = 5.0
# Of the loop, until every task that can go on has done so.
TURNS = 4


class Background:
    """A thread that waits for work, and ends with its process."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._ends: set[Callable[[], Awaitable[None]]] = set()
        self._nursery: trio.Nursery
        self._token: trio.lowlevel.TrioToken
        begun = threading.Event()
        thread = threading.Thread(
            target=trio.run, args=(self._run, begun), name="seemachine.testing", daemon=True
        )
        thread.start()
        begun.wait()
        atexit.register(self._at_exit)

    async def _run(self, begun: threading.Event) -> None:
        async with trio.open_nursery() as self._nursery:
            self._token = trio.lowlevel.current_trio_token()
            begun.set()
            await trio.sleep_forever()

    def promise(self, end: Callable[[], Awaitable[None]]) -> None:
        """Have it done at the latest when the process ends."""
        self._ends.add(end)

    def keep_promise(self, end: Callable[[], Awaitable[None]]) -> "Future[None] | None":
        """Have it done now. Nothing is done for the second time, or in a child of the process."""
        if self.process != os.getpid() or end not in self._ends:
            return None
        self._ends.discard(end)
        return self.begin(end)

    def _at_exit(self) -> None:
        ending = [self.keep_promise(end) for end in tuple(self._ends)]
        with contextlib.suppress(TimeoutError):
            for each in filter(None, ending):
                each.result(EXIT_SECONDS)

    def begin(
        self, work: Callable[[*Arguments], Awaitable[Result]], *arguments: *Arguments
    ) -> "Future[Result]":
        """Have work done in the loop, and don't wait."""
        future: Future[Result] = Future()

        async def do() -> None:
            try:
                future.set_result(await work(*arguments))
            except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
                future.set_exception(error)
            except BaseException:
                future.set_exception(RuntimeError("the machines have ended meanwhile"))
                raise

        self._token.run_sync_soon(self._nursery.start_soon, do)
        return future

    def call(
        self, work: Callable[[*Arguments], Awaitable[Result]], *arguments: *Arguments
    ) -> Result:
        """What work returns or raises."""
        return self.begin(work, *arguments).result()

    def settle(self) -> None:
        """Have the loop do what it can do at once: a machine writes its log after its reply."""
        if self.process == os.getpid():
            self.call(_turns)

    async def keep(self, task: Callable[..., Awaitable[None]]) -> None:
        """In the loop: have a task go on, once it says that it has begun."""
        await self._nursery.start(task)


async def _turns() -> None:
    for _ in range(TURNS):
        await trio.lowlevel.checkpoint()


_lock = threading.Lock()
_made: Background | None = None


def background() -> Background:
    """That of this process."""
    global _made  # noqa: PLW0603 - one for all tests of a process
    with _lock:
        if _made is None or _made.process != os.getpid():
            _made = Background()
        return _made


def _forget() -> None:
    """A child has none of its parent's threads, but may have a lock that one of them holds."""
    global _lock, _made
    _lock, _made = threading.Lock(), None


os.register_at_fork(after_in_child=_forget)

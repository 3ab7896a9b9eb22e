"""Work that is done where it is asked for, and not by threads.

A test then sees the same order of events in each run, nothing is left that could outlive it, and a
clock of trio that jumps ahead finds nobody at work.
"""

import time
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import trio

from seemachine.process.gate import Gate
from seemachine.process.scarcity import Scarcity
from seemachine.process.threads import Threads, Workers, done_at_last
from seemachine.server.crew import Crew

# Of CPU for hashing in one request: what is more is too long for other machines to wait for. Not of
# time, so that a busy host does not make a thread of each small key.
LONG_SECONDS = 0.1

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class ThreadsInPlace(Threads):
    """The same as Threads, without any."""

    def __init__(self) -> None:
        super().__init__(0, "in place")

    def begin(self, work: Callable[[], None]) -> None:
        """See Threads."""
        work()

    async def run(
        self,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        abandon_on_cancel: bool = False,
    ) -> Result:
        """See Threads."""
        del abandon_on_cancel
        await trio.lowlevel.checkpoint()
        return work(*arguments)


class WorkersInPlace(Workers):
    """The same as Workers, without threads."""

    def __init__(self, scarcity: Scarcity, gate: Gate) -> None:
        super().__init__(scarcity, ThreadsInPlace(), gate)

    async def run(
        self,
        limiter: trio.CapacityLimiter,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """See Workers."""
        del limiter
        await trio.lowlevel.checkpoint()
        return self._gate.through(work)(*arguments)


class CrewInPlace(Crew):
    """The crew of machines whose work the loop does itself."""

    def __init__(self) -> None:
        super().__init__()
        self.signing = self.pages = self.kept = ThreadsInPlace()

    def workers(self, scarcity: Scarcity, gate: Gate) -> Workers:
        """See Crew."""
        return WorkersInPlace(scarcity, gate)

    async def vacate(self, gate: Gate) -> None:
        """Shut a gate; returns when no thread is inside."""
        gate.shut()


class WorkersAside(WorkersInPlace):
    """The same, but for steps of a large key. Once one has taken long, a thread does the next:
    machines of other fleets, and those of this one, answer meanwhile.
    """

    def __init__(
        self, scarcity: Scarcity, gate: Gate, hashing: trio.CapacityLimiter, on_thread: trio.Event
    ) -> None:
        super().__init__(scarcity, gate)
        self._hashing = hashing
        self._on_thread = on_thread
        self._took = 0.0

    async def run(
        self,
        limiter: trio.CapacityLimiter,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """See Workers."""
        if limiter is not self._hashing:
            return await super().run(limiter, work, *arguments)
        began = time.process_time()
        try:
            if self._took <= LONG_SECONDS:
                return await super().run(limiter, work, *arguments)
            self._on_thread.set()
            return await Workers.run(self, limiter, work, *arguments)
        finally:
            self._took = time.process_time() - began


class CrewAside(CrewInPlace):
    """The crew of machines in a loop that several fleets share."""

    def __init__(self) -> None:
        super().__init__()
        self._had_thread = trio.Event()

    def workers(self, scarcity: Scarcity, gate: Gate) -> Workers:
        """See Crew."""
        return WorkersAside(scarcity, gate, self.hashing, self._had_thread)

    async def vacate(self, gate: Gate) -> None:
        """See CrewInPlace."""
        if self._had_thread.is_set():
            await done_at_last(gate.shut)
        else:
            gate.shut()

"""Work that is done where it is asked for, and not by threads.

A test then sees the same order of events in each run, nothing is left that could outlive it, and a
clock of trio that jumps ahead finds nobody at work.
"""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import trio

from seemachine.process.scarcity import Scarcity
from seemachine.process.threads import Gate, Threads, Workers
from seemachine.server.crew import Crew

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
        self._through = gate.through

    async def run(
        self,
        limiter: trio.CapacityLimiter,
        work: Callable[[*Arguments], Result],
        *arguments: *Arguments,
    ) -> Result:
        """See Workers."""
        del limiter
        await trio.lowlevel.checkpoint()
        return self._through(work)(*arguments)


class CrewInPlace(Crew):
    """The crew of machines whose work the loop does itself."""

    def __init__(self) -> None:
        super().__init__()
        self.signing = self.pages = self.kept = ThreadsInPlace()

    def workers(self, scarcity: Scarcity, gate: Gate) -> Workers:
        """See Crew."""
        return WorkersInPlace(scarcity, gate)

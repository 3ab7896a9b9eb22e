"""Until when connections may take over what they are at: a number each, and one task that looks
after all of them.

A cancel scope around each wait would cost a machine a fifth of the time that it signs in.
"""

import contextlib
import math
from collections.abc import Iterator

import trio

# Until another try, where there was no memory to look.
SCARCE_SECONDS = 0.02


class Deadline:
    """That of one connection. At its time its scope is cancelled; then it is `over`."""

    def __init__(self, deadlines: "Deadlines") -> None:
        self._deadlines = deadlines
        self._scope = trio.CancelScope()
        self.time = math.inf
        self.over = False

    def within(self, seconds: float) -> None:
        """What begins now has so long."""
        self.time = time = trio.current_time() + seconds
        if time < self._deadlines.soonest:
            self._deadlines.wake_at(time)

    def lift(self) -> None:
        """What begins now may take as long as it will."""
        self.time = math.inf

    def renew(self) -> trio.CancelScope:
        """Another scope, for what comes next; without a time for the moment."""
        self.time = math.inf
        self.over = False
        self._scope = trio.CancelScope()
        return self._scope

    def cancel(self) -> None:
        """Now is the time."""
        self.time = math.inf
        self.over = True
        self._scope.cancel()


class Deadlines:
    """Of all connections of a machine. Run `run` beside them."""

    def __init__(self) -> None:
        # No deadline is sooner. Most are moved before they come, which is noticed only then.
        self.soonest = math.inf
        self._kept: set[Deadline] = set()
        self._alarm = trio.CancelScope()

    @contextlib.contextmanager
    def one(self) -> Iterator[Deadline]:
        """The deadline of a connection, for as long as it lasts."""
        made = Deadline(self)
        self._kept.add(made)
        try:
            yield made
        finally:
            self._kept.discard(made)

    def wake_at(self, time: float) -> None:
        """Look at that time, and not later."""
        self.soonest = self._alarm.deadline = time

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with trio.CancelScope(deadline=self.soonest) as self._alarm:
                await trio.sleep_forever()
            try:
                self.end_overdue()
            except MemoryError:
                self.soonest = trio.current_time() + SCARCE_SECONDS

    def end_overdue(self) -> None:
        """Cancel what has had its time."""
        now = trio.current_time()
        for deadline in self._kept:
            if deadline.time <= now:
                deadline.cancel()
        self.soonest = min((deadline.time for deadline in self._kept), default=math.inf)

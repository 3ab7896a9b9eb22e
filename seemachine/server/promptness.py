"""Whether the loop may make a signature itself: for one client alone, to wake a thread and be woken
by it takes longer than the rest.

A disk that stalls would stop the loop, and with it all sessions and their time limits. So commits
have to be fast, many in a row and lately; the first slow one ends it, until as many were fast in a
thread again. With several clients there is nothing to win: what waits together shares a commit.
"""

import time
from collections.abc import Callable

FAST_SECONDS = 0.001
IN_A_ROW = 16
# After that long, a disk may have gone to sleep.
LATELY_SECONDS = 10.0


class Promptness:
    """Of one machine. `alone`: no other machine needs this loop, and no witness is waited for.
    `clock` is in seconds.
    """

    def __init__(self, *, alone: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._alone = alone
        self._asker: object = None
        self._asked = 0
        self._fast = 0
        self._latest = clock()

    def trusts(self, asker: object) -> bool:
        """Call with whoever asks for a signature; whether the loop may make it."""
        self._asked = self._asked + 1 if asker == self._asker else 0
        self._asker = asker
        return (
            self._alone
            and self._asked >= IN_A_ROW
            and self._fast >= IN_A_ROW
            and self.clock() - self._latest <= LATELY_SECONDS
        )

    @property
    def is_slow(self) -> bool:
        """Whether the last batch was."""
        return not self._fast

    def took(self, began: float, durable: float, signed: float) -> None:
        """Call with the times of a batch: before and after its commit, and after its signatures."""
        fast = durable - began < FAST_SECONDS and signed - durable < FAST_SECONDS
        self._fast = self._fast + 1 if fast else 0
        self._latest = signed

"""Signals as numbers that are read one after the other, in place of what they would do."""

import math
import os
import select
import signal
import time
from collections import Counter
from collections.abc import Sequence
from types import FrameType

# What somebody may want a command to get.
FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
READ_BYTES = 64
# What is sent to a group has come to all of its processes by then.
AT_ONCE = 5.0


class Received:
    """Signals of this process, for the length of a block. One that was ignored, as `nohup` has it,
    stays so; a program that is started finds all others as they are by default. One that was
    blocked, as by a careless parent, is not: the end of a child would go unheard.

    To be used in the main thread.
    """

    def __enter__(self) -> "Received":
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        numbers = [each for each in FORWARDED if signal.getsignal(each) is not signal.SIG_IGN]
        self._before = {each: signal.signal(each, _heard) for each in (*numbers, signal.SIGCHLD)}
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, self._before)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        signal.set_wakeup_fd(self._wakeup)
        for number, before in self._before.items():
            signal.signal(number, before)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, seconds: float | None = None, beside: Sequence[int] = ()) -> bytes:
        """The numbers of signals that came, for so long at most, or until something can be read
        from one of the descriptors `beside`.
        """
        poll = select.poll()
        for descriptor in (self._reading, *beside):
            poll.register(descriptor, select.POLLIN)
        poll.poll(None if seconds is None else int(seconds * 1000))
        try:
            return os.read(self._reading, READ_BYTES)
        except BlockingIOError:
            return b""


class OwnSignals:
    """Those that this process got, beside another one of its group, which tells of its own."""

    def __init__(self) -> None:
        self._counts = Counter[int]()
        self._came = dict[int, float]()

    def note(self, numbers: bytes) -> None:
        """These came just now."""
        self._counts.update(numbers)
        self._came |= dict.fromkeys(numbers, time.monotonic())

    def had(self, number: int) -> bool:
        """Whether the one that the other tells of came here, too: it was sent to the group then.
        Each counts once.
        """
        if time.monotonic() - self._came.get(number, -math.inf) > AT_ONCE:
            self._counts[number] = 0
        had = self._counts[number] > 0
        self._counts[number] -= had
        return had


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Its number is in the pipe by now."""

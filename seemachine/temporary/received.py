"""Signals as numbers that are read one after the other, in place of what they would do."""

import os
import select
import signal
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


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Its number is in the pipe by now."""

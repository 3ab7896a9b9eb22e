"""Where both commands begin: what holds before anything else of ours is loaded."""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator

# In this order: the system gives the lowest number that is free.
STANDARD = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Ctrl-C ends a command that is still loading at once and without a word, as it ends those that
    are not in Python.
    """
    before = signal.getsignal(signal.SIGINT)
    interruptible = before is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if interruptible:
            signal.signal(signal.SIGINT, before)


def settle_streams() -> None:
    """Have all three standard streams, and take any text to write.

    One that was closed (`>&-`) is the null device: else the next file that is opened, an NVRAM
    perhaps, would get its number, and what somebody prints. What a terminal's character set lacks
    is shown as an escape: a leaf may be spent by the time it is printed.
    """
    for name, mode in STANDARD:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish_output() -> None:
    """What can't be written by now never will be; the interpreter must not fail over it
    at its end.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

"""Where commands meet a person or a script: what holds before anything else of ours is loaded, and
how a line is read.
"""

# Nothing that takes time to load, as `signal` does: Ctrl-C is not seen to yet.
import _signal  # type: ignore[import-not-found]
import gc
import io
import os
import sys

# In this order: the system gives the lowest number that is free.
STANDARD = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class Loading:
    """Ctrl-C ends a command that is still loading at once and without a word, as it ends those that
    are not in Python. Nobody looks for garbage meanwhile: what is loaded stays.
    """

    def __enter__(self) -> None:
        gc.disable()
        self._before = _signal.getsignal(_signal.SIGINT)
        if self._before is _signal.default_int_handler:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

    def __exit__(self, *_error: object) -> None:
        gc.enable()
        if self._before is _signal.default_int_handler:
            _signal.signal(_signal.SIGINT, self._before)


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


def line_of_pipe() -> str:
    """The next line of standard input, or nothing at its end.

    Not a byte more is taken: what comes after it may be for the next command of a script.
    """
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")

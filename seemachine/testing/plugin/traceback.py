"""The traceback of what a machine, a client or a hand refused: it ends where the test asked."""

import contextlib
import os
from pathlib import Path
from types import TracebackType

import seeclient

from seemachine import testing

REFUSALS = (
    seeclient.StatusError,
    testing.CardError,
    testing.ConfigError,
    testing.FaultError,
)
STDLIB = Path(contextlib.__file__).parent
# What goes on there is of interest to whoever looks for a bug of ours; from there to the test, also
# what the library uses.
WITHIN = (
    *(f"{path}{os.sep}" for path in (*seeclient.__path__, Path(testing.__path__[0]).parent)),
    *(f"{STDLIB / name}{os.sep}" for name in ("asyncio", "concurrent")),
    contextlib.__file__,
)


def shorten(error: BaseException) -> None:
    """Cut off what went on within. Of anything but a refusal, all of it may be of interest."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            shorten(each)
    elif isinstance(error, REFUSALS) and (last := _last_of_test(error.__traceback__)) is not None:
        last.tb_next = None


def _last_of_test(step: TracebackType | None) -> TracebackType | None:
    last = None
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith(WITHIN):
            last = step
        step = step.tb_next
    return last

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
# What goes on there is of interest to whoever looks for a bug of ours.
PACKAGES = (*seeclient.__path__, Path(testing.__path__[0]).parent)
WITHIN = (*(f"{path}{os.sep}" for path in PACKAGES), contextlib.__file__)


def shorten(error: BaseException) -> None:
    """Cut off what went on within. Of anything but a refusal, all of it may be of interest."""
    if not isinstance(error, REFUSALS):
        return
    last: TracebackType | None = None
    step = error.__traceback__
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith(WITHIN):
            last = step
        step = step.tb_next
    if last is not None:
        last.tb_next = None

"""Holding the folder of signatures: two commands never sign into one at one time."""

import fcntl
import os
import time
from pathlib import Path

from seeclient import files
from seeclient.folders.names import WHERE
from seemachine.wire.status import Status, StatusError

# Between two looks whether a folder is free.
PAUSE = 0.05


def hold(folder: Path, seconds: float = 0.0) -> int:
    """A descriptor of a folder that nobody else holds; those that `os.dup` makes of it hold it too.
    So many seconds it waits for who does.

    Raises StatusError.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(descriptor, time.monotonic() + seconds)
        except BaseException:
            os.close(descriptor)
            raise
    except BlockingIOError:
        what = f"another command signs into {folder}; wait for it"
        raise StatusError(Status.ObjectInUse, what, WHERE) from None
    except OSError as error:
        raise files.refusal(folder, error, WHERE) from None
    return descriptor


def _lock(descriptor: int, deadline: float) -> None:
    """Raises OSError: BlockingIOError after the deadline."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE)
        else:
            return

"""Files and folders that one process holds at a time, by a lock that ends with it at the latest."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from seemachine.state.disk.durable import PRIVATE_FILE

FOLDER = os.O_RDONLY | os.O_DIRECTORY
MADE = os.O_RDWR | os.O_CREAT


@contextlib.contextmanager
def held(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """The descriptor of a file or folder that nobody else holds meanwhile; a file that is made is
    for its user alone. Raises OSError.
    """
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)

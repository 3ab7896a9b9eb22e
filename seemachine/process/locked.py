"""Whether another process holds a lock, without taking it."""

import fcntl
import os
from pathlib import Path


def is_locked(path: Path) -> bool:
    """Whether a process has a file or folder locked, as a machine has hsm/<ESN>. Raises OSError."""
    try:
        # Without waiting for the other end of what is no file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

"""What a system says when a device or a disk fails."""

import errno
import os
from pathlib import Path


def no_space(path: Path) -> OSError:
    """A file system that is full."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def broken(path: Path) -> OSError:
    """A device that did not do what it was told."""
    return OSError(errno.EIO, os.strerror(errno.EIO), str(path))

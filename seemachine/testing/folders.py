"""Folders for worlds that last as long as a test: in memory where the system has room there, gone
at the end, and swept up later where their process was killed.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

PREFIX = "seemachine-testing-"
# A folder that every user may write to, whose files Linux keeps in memory.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - each world is a folder of its own there
LEAST_ROOM = 32 << 20
# A folder is made before it is locked.
YOUNG_SECONDS = 60.0
REMOVALS = 3


class TemporaryFolder:
    """A folder that is not there yet, in one that this process holds until `remove`.

    Raises OSError.
    """

    def __init__(self) -> None:
        # A world locks its own folder, too.
        self._around = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
        self.path = self._around / "world"
        self._process = os.getpid()
        self._lock = os.open(self._around, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def remove(self) -> None:
        """Remove it with all that is in it. Once more does no harm; nor does a child of this
        process.
        """
        if self._lock < 0 or os.getpid() != self._process:
            return
        os.close(self._lock)
        self._lock = -1
        # A program that was left running may write into it meanwhile.
        for _ in range(REMOVALS):
            shutil.rmtree(self._around, ignore_errors=True)
            if not self._around.exists():
                return


@cache
def _place() -> Path:
    """Where such folders are; what killed processes left there is removed, once a process."""
    place = _in_memory() or Path(tempfile.gettempdir())
    sweep(place)
    return place


def _in_memory() -> Path | None:
    with contextlib.suppress(OSError):
        if os.access(IN_MEMORY, os.W_OK | os.X_OK) and os.path.ismount(IN_MEMORY):
            return IN_MEMORY if shutil.disk_usage(IN_MEMORY).free >= LEAST_ROOM else None
    return None


def sweep(place: Path) -> None:
    """Remove the folders of this user there that no process holds any more."""
    latest = time.time() - YOUNG_SECONDS
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if found.st_uid == os.geteuid() and found.st_mtime < latest and not _is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    """By a process that made it, or that has a copy of it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

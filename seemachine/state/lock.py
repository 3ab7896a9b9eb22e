"""One process per machine: a lock on its folder that lasts as long as the process."""

import fcntl
import os
import time
from pathlib import Path

from seemachine.state.durable import PRIVATE_FILE, private_folder
from seemachine.state.errors import StateLocked

TRIES = 5
PAUSE_SECONDS = 0.02


class FolderLock:
    """Holds `folder`/lock from construction to `release`, or to the death of the process. Raises StateLocked when another has it."""

    def __init__(self, folder: Path, what: str) -> None:
        path = private_folder(folder) / "lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        if not self._acquire():
            os.close(self._descriptor)
            raise StateLocked(f"{what} is already in use by process {holder(folder) or 'unknown'} ({folder}); stop that one first")
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def _acquire(self) -> bool:
        # `holder` takes the lock for an instant when it looks; only who still has it after that is another owner.
        for _ in range(TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(PAUSE_SECONDS)
            else:
                return True
        return False

    def release(self) -> None:
        """Let go."""
        os.close(self._descriptor)


def holder(folder: Path) -> int | None:
    """The process that holds the folder's lock now, or None."""
    path = folder / "lock"
    if not path.exists():
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = path.read_text()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None

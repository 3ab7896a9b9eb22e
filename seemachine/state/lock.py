"""One process per machine: a lock on its folder that lasts as long as the process.

The folder itself is locked, for a file in it could be deleted and made anew. The file `lock` in it says who holds it.
"""

import fcntl
import os
import time
from pathlib import Path

from seemachine.state.durable import private_folder
from seemachine.state.errors import StateLocked

TRIES = 5
PAUSE_SECONDS = 0.02


class FolderLock:
    """Holds `folder` from construction to `release`, or to the death of the process. Raises StateLocked when another has it."""

    def __init__(self, folder: Path, what: str) -> None:
        self._descriptor = os.open(private_folder(folder), os.O_RDONLY | os.O_DIRECTORY)
        if not self._acquire():
            os.close(self._descriptor)
            raise StateLocked(f"{what} is already in use by process {holder(folder) or 'unknown'} ({folder}); stop that one first")
        try:
            (folder / "lock").write_text(str(os.getpid()))
        except OSError as error:
            self.release()
            error.filename = str(folder / "lock")
            raise

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
    """The process that holds the folder now, 0 when it can't be told which, or None."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _written(folder / "lock")
    finally:
        os.close(descriptor)
    return None


def _written(path: Path) -> int:
    text = path.read_text(errors="replace") if path.exists() else ""
    return int(text) if text.isascii() and text.isdecimal() else 0

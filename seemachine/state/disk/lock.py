"""One process per machine: a lock on its folder that lasts as long as the process.

The folder itself is locked, for a file in it could be deleted and made anew. Two files in it speak:

* `lock` says who holds the folder. The text may be old, damaged or another's, so nothing is done to
  whom it names. A holder that looks for requests has this file locked too.
* `stop` is locked by those who ask the holder to let go, as long as they ask. So a request takes no
  room on a full disk, gets into other PID namespaces as the folder does, is heard by whoever holds
  the folder by then, and ends with the process that asks.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from seemachine.process import identity
from seemachine.process.identity import Process
from seemachine.process.locked import is_locked
from seemachine.state.disk.durable import PRIVATE_FILE, private_folder
from seemachine.state.errors import StateLocked

LOCK, STOP = "lock", "stop"
TRIES = 5
PAUSE_SECONDS = 0.02
MOST_TEXT = 4096
OPENING_BYTES = 8


class FolderLock:
    """Holds `folder` from construction to `release`, or to the death of the process.

    `holder` is who this is.

    Raises StateLocked when another has it.
    """

    def __init__(self, folder: Path, what: str) -> None:
        self._folder = folder
        # Of the folder, of `lock`, of `stop`.
        self._descriptors = [os.open(private_folder(folder), os.O_RDONLY | os.O_DIRECTORY)]
        try:
            # Before the folder is held, so that who finds it held can ask.
            self._open(LOCK, folder / LOCK)
            self._open(STOP, folder / STOP)
        except OSError:
            self.release()
            raise
        if not _taken(self._descriptors[0], fcntl.LOCK_EX):
            self.release()
            who = holder(folder) or Process()
            raise StateLocked(f"{what} is already in use by {who} ({folder}); stop that one first")
        self.holder = replace(identity.current(), opening=os.urandom(OPENING_BYTES).hex())
        try:
            os.ftruncate(self._descriptors[1], 0)
            os.write(self._descriptors[1], self.holder.text().encode())
        except OSError as error:
            self.release()
            error.filename = str(folder / LOCK)
            raise

    def listen(self) -> None:
        """Show that this process looks for requests; call `asked` often from now on.

        Where somebody else has `lock` locked this is not shown; requests are heard all the same.
        """
        _taken(self._descriptors[1], fcntl.LOCK_EX)

    def asked(self) -> bool:
        """Whether anybody asks this process to let go. Needs no descriptor but those it has."""
        with contextlib.suppress(OSError):
            self._follow()
        try:
            fcntl.flock(self._descriptors[2], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return isinstance(error, BlockingIOError)
        fcntl.flock(self._descriptors[2], fcntl.LOCK_UN)
        return False

    def _follow(self) -> None:
        # Who puts files back in place, while the machine is up, removes the file or makes it anew.
        # In this folder, wherever it was moved: another may be in its old place.
        ours = os.fstat(self._descriptors[2])
        try:
            there = os.stat(STOP, dir_fd=self._descriptors[0])
        except FileNotFoundError:
            there = None
        if there is None or not os.path.samestat(ours, there):
            self._open(STOP, STOP)
            os.close(self._descriptors.pop(2))

    def _open(self, name: str, path: Path | str) -> None:
        # Not waiting for the other end of what is not a file.
        flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK
        try:
            opened = os.open(path, flags, PRIVATE_FILE, dir_fd=self._descriptors[0])
        except OSError as error:
            error.filename = str(self._folder / name)
            raise
        self._descriptors.append(opened)

    def release(self) -> None:
        """Let go."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def holder(folder: Path) -> Process | None:
    """Who holds the folder now, as far as its `lock` tells, or None."""
    return _written(folder / LOCK) if is_locked(folder) else None


def listens(folder: Path) -> bool:
    """Whether the holder of a folder looks for requests, whatever its `lock` says."""
    return is_locked(folder / LOCK)


@contextlib.contextmanager
def asking(folder: Path) -> Iterator[None]:
    """Ask the holder of a folder to let go, as long as the block runs. Raises OSError."""
    try:
        descriptor = os.open(folder / STOP, os.O_RDWR | os.O_NONBLOCK)
    except FileNotFoundError:
        # Nobody looks: who holds a folder as ours do has made the file before.
        yield
        return
    try:
        # Refused only while somebody has the file alone, which asks as much.
        _taken(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, how: int) -> bool:
    # Who only looks has a lock for an instant; only who still has it after that is another owner.
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except OSError:
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return False


def _written(path: Path) -> Process:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return Process()
    try:
        return identity.parsed(os.read(descriptor, MOST_TEXT).decode(errors="replace"))
    except OSError:
        return Process()
    finally:
        os.close(descriptor)

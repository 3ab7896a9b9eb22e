"""A folder that is gone with its owner: in memory where the system has room there, and removed by
whoever makes the next one when its owner was killed.

    seemachine-run-<12 digits>/           locked (flock) by its owner, and by nobody else for long
    seemachine-run-<12 digits>/world/     the world, which its machines lock in their own way

The lock alone says whether the owner lives. A folder is made before it is locked, so its owner
looks whether it is still there once it has the lock: who sweeps may have been faster.
"""

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seemachine.process.locked import is_locked
from seemachine.state.disk.durable import PRIVATE_FOLDER
from seemachine.world import World

PREFIX, KEPT = "seemachine-run-", "seemachine-kept-"
# Where every user may make files, which Linux keeps in memory.
MEMORY = Path("/dev/shm")  # noqa: S108 - each of our folders there is for its user alone
LEAST_ROOM = 32 << 20
RANDOM_BYTES = 6
TRIES = 5


class TemporaryFolder:
    """A new folder, held from construction to `remove`, or to the death of this process and of
    those that it forked.

    Raises OSError.
    """

    def __init__(self, place: Path, prefix: str = PREFIX) -> None:
        for _ in range(TRIES):
            self.path = place / f"{prefix}{os.urandom(RANDOM_BYTES).hex()}"
            self.path.mkdir(PRIVATE_FOLDER)
            with suppress(FileNotFoundError):
                self._lock = _locked(self.path)
                return
        raise FileNotFoundError(2, "somebody removes what is made there", str(place))

    @property
    def world(self) -> World:
        """The world in it."""
        return World.at(self.path / "world")

    def remove(self) -> None:
        """Remove it with all that is in it, and let go of it; once more does no harm."""
        import shutil

        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def made(environ: Mapping[str, str]) -> TemporaryFolder:
    """A folder in the best place. Raises OSError."""
    *others, last = places(environ)
    for place in others:
        with suppress(OSError):
            return TemporaryFolder(place)
    return TemporaryFolder(last)


def made_to_stay(environ: Mapping[str, str]) -> TemporaryFolder:
    """A folder on a disk, which nobody removes. Raises OSError."""
    return TemporaryFolder(places(environ)[-1], KEPT)


def places(environ: Mapping[str, str]) -> list[Path]:
    """Where such folders are, the best first; the last is where all temporary files of the
    environment are.
    """
    usual = Path(environ.get("TMPDIR") or "/tmp").absolute()  # noqa: S108 - the same as above
    return [MEMORY, usual] if _has_room(MEMORY) else [usual]


def sweep(place: Path) -> None:
    """Remove what this user's killed processes left there. Raises OSError."""
    with os.scandir(place) as entries:
        named = [entry for entry in entries if entry.name.startswith(PREFIX)]
    for entry in named:
        # Another sweep may be at it.
        with suppress(OSError):
            _sweep(entry)


def _sweep(entry: "os.DirEntry[str]") -> None:
    if entry.stat(follow_symlinks=False).st_uid != os.geteuid():
        return
    lock = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(Path(entry.path))
    finally:
        os.close(lock)


def _remove(folder: Path) -> None:
    """Unless somebody started a fleet of his own in there, which outlived the owner."""
    import shutil

    world = World.at(folder / "world")
    if not any(map(is_locked, (world.fleet, *world.machines.glob("*")))):
        shutil.rmtree(folder, ignore_errors=True)


def _locked(path: Path) -> int:
    """Raises FileNotFoundError where it was swept meanwhile, OSError."""
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Who sweeps has it for as long as it takes to remove it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.samestat(os.fstat(lock), path.stat()):
            raise FileNotFoundError
    except BaseException:
        os.close(lock)
        raise
    return lock


def _has_room(place: Path) -> bool:
    with suppress(OSError):
        disk = os.statvfs(place)
        writable = os.access(place, os.W_OK | os.X_OK)
        return writable and disk.f_bavail * disk.f_frsize >= LEAST_ROOM
    return False

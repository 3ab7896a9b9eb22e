"""Which files there are: each once, under all its names. Only regular files are opened."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

# Device and inode: two names of one file have the same.
Identity = tuple[int, int]
Found = dict[Identity, list[Path]]

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def identity(path: Path) -> Identity:
    """Which file a name leads to. Raises OSError."""
    return _identity(path.stat())


def find(paths: Iterable[Path], unread: list[str]) -> Found:
    """The files of some paths, and of all folders below them, symbolic links followed.

    What can't be looked at is added to `unread`. Of a path itself that raises OSError, and
    ValueError when it is neither file nor folder.
    """
    found: Found = {}
    visited: set[Identity] = set()
    for path in paths:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            for inner, of_inner in _below(path, visited, unread):
                found.setdefault(_identity(of_inner), []).append(inner)
        elif stat.S_ISREG(status.st_mode):
            found.setdefault(_identity(status), []).append(path)
        else:
            raise ValueError(f"{path} is {_kind(status)}; audit reads files and folders")
    return found


def is_file(path: Path) -> bool:
    """Whether there is a regular file that can be reached."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def open_regular(path: Path) -> BinaryIO:
    """A file to read. Raises OSError, also for what would make its reader wait."""
    return open(path, "rb", opener=_opener)


def sentence(error: OSError) -> str:
    """What went wrong, without the path."""
    return error.strerror or str(error)


def _below(
    folder: Path,
    visited: set[Identity],
    unread: list[str],
) -> Iterator[tuple[Path, os.stat_result]]:
    """The files in a folder and in those below it, each of which is entered once."""
    waiting = [folder]
    while waiting:
        folders = []
        for path in _entries(waiting.pop(), visited, unread):
            try:
                status = path.stat()
            except OSError as error:
                unread.append(f"{path}: {sentence(error)}")
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status
            elif stat.S_ISDIR(status.st_mode):
                folders.append(path)
            else:
                unread.append(f"{path}: {_kind(status)}, which is not read")
        waiting += reversed(folders)


def _entries(folder: Path, visited: set[Identity], unread: list[str]) -> list[Path]:
    """What is in a folder, in order; nothing when it was visited before."""
    try:
        if (which := identity(folder)) in visited:
            return []
        visited.add(which)
        with os.scandir(folder) as listing:
            return sorted(folder / entry.name for entry in listing)
    except OSError as error:
        unread.append(f"{folder}: {sentence(error)}")
        return []


def _opener(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(0, "not a file, or no longer one", path)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "neither file nor folder")

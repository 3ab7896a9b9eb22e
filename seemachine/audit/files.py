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
            for inner in _below(path, visited, unread):
                _add(found, inner, unread)
        elif stat.S_ISREG(status.st_mode):
            _add(found, path, unread)
        else:
            raise ValueError(f"{path} is {_kind(status)}; audit reads files and folders")
    return found


def open_regular(path: Path) -> BinaryIO:
    """A file to read. Raises OSError, also for what would make its reader wait."""
    return open(path, "rb", opener=_opener)


def sentence(error: OSError) -> str:
    """What went wrong, without the path."""
    return error.strerror or str(error)


def _add(found: Found, path: Path, unread: list[str]) -> None:
    try:
        status = path.stat()
    except OSError as error:
        unread.append(f"{path}: {sentence(error)}")
        return
    if stat.S_ISREG(status.st_mode):
        found.setdefault(_identity(status), []).append(path)
    elif not stat.S_ISDIR(status.st_mode):
        unread.append(f"{path}: {_kind(status)}, which is not read")


def _below(folder: Path, visited: set[Identity], unread: list[str]) -> Iterator[Path]:
    """What is in a folder and in those below it, each of which is entered once."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            if (which := identity(place)) in visited:
                continue
            visited.add(which)
            with os.scandir(place) as listing:
                names = sorted(entry.name for entry in listing)
        except OSError as error:
            unread.append(f"{place}: {sentence(error)}")
            continue
        inner = [place / name for name in names]
        yield from inner
        waiting += [path for path in reversed(inner) if path.is_dir()]


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

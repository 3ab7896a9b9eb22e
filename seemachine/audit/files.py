"""Which files there are: each once, under all its names. Only regular files are opened.

Names are text and not Path, as there may be hundreds of thousands of them.
"""

import os
import stat
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

PIECE = 1 << 20
# Device and inode: two names of one file have the same.
Identity = tuple[int, int]

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass
class Found:
    """The first name of each file and its size, in order, and by number the other names of some."""

    names: list[str] = field(default_factory=list)
    sizes: "array[int]" = field(default_factory=lambda: array("Q"))
    others: dict[int, list[str]] = field(default_factory=dict)
    numbers: dict[Identity, int] = field(default_factory=dict)

    def add(self, name: str, status: os.stat_result) -> None:
        """One more name of a file."""
        number = self.numbers.setdefault(_identity(status), len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self.sizes.append(status.st_size)
        else:
            self.others.setdefault(number, []).append(name)

    def all_names(self, number: int) -> list[str]:
        """Of a file, by its number."""
        return [self.names[number], *self.others.get(number, ())]


def identity(path: Path) -> Identity:
    """Which file a name leads to. Raises OSError."""
    return _identity(os.stat(path))


def find(paths: Iterable[Path], unread: list[str]) -> Found:
    """The files of some paths, and of all folders below them, symbolic links followed.

    What can't be looked at is added to `unread`. Of a path itself that raises OSError, and
    ValueError when it is neither file nor folder.
    """
    found = Found()
    visited: set[Identity] = set()
    for path in map(str, paths):
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            for name, of_inner in _below(path, visited, unread):
                found.add(name, of_inner)
        elif stat.S_ISREG(status.st_mode):
            found.add(path, status)
        else:
            raise ValueError(f"{path} is {_kind(status)}; audit reads files and folders")
    return found


def is_file(path: str) -> bool:
    """Whether there is a regular file that can be reached."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def open_regular(path: str) -> BinaryIO:
    """A file to read. Raises OSError, also for what would make its reader wait."""
    return open(path, "rb", opener=_opener)


def hash_file(path: str, running: Any) -> None:
    """Update a hash with what is in a file. Raises OSError as `open_regular` does."""
    descriptor, size = _opened(path)
    try:
        left = size
        while piece := os.read(descriptor, min(size, PIECE) + 1):
            running.update(piece)
            left -= len(piece)
            # What the file had when it was opened is all of it: most are read at one call.
            if not left:
                break
    finally:
        os.close(descriptor)


def beginning_of(path: str, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes of a file, and whether that is all of it. Raises OSError as
    `open_regular` does.
    """
    descriptor, size = _opened(path)
    try:
        data = os.read(descriptor, min(size, most) + 1)
        while len(data) != size and len(data) <= most:
            if not (more := os.read(descriptor, most + 1 - len(data))):
                break
            data += more
    finally:
        os.close(descriptor)
    return data[:most], len(data) <= most


def sentence(error: OSError) -> str:
    """What went wrong, without the path."""
    return error.strerror or str(error)


def _below(
    folder: str, visited: set[Identity], unread: list[str]
) -> Iterator[tuple[str, os.stat_result]]:
    """The files in a folder and in those below it, each of which is entered once."""
    waiting = [folder]
    while waiting:
        folders = []
        for name in _entries(waiting.pop(), visited, unread):
            try:
                status = os.stat(name)
            except OSError as error:
                unread.append(f"{name}: {sentence(error)}")
                continue
            if stat.S_ISREG(status.st_mode):
                yield name, status
            elif stat.S_ISDIR(status.st_mode):
                folders.append(name)
            else:
                unread.append(f"{name}: {_kind(status)}, which is not read")
        waiting += reversed(folders)


def _entries(folder: str, visited: set[Identity], unread: list[str]) -> list[str]:
    """What is in a folder, in order; nothing when it was visited before."""
    try:
        if (which := _identity(os.stat(folder))) in visited:
            return []
        visited.add(which)
        with os.scandir(folder) as listing:
            names = sorted(entry.name for entry in listing)
    except OSError as error:
        unread.append(f"{folder}: {sentence(error)}")
        return []
    start = "" if folder == os.curdir else os.path.join(folder, "")
    return [start + name for name in names]


def _opened(path: str) -> tuple[int, int]:
    """A descriptor of a regular file, and its size. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status.st_size
    os.close(descriptor)
    raise OSError(0, "not a file, or no longer one", path)


def _opener(path: str, flags: int) -> int:
    del flags  # those of reading
    return _opened(path)[0]


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "neither file nor folder")

"""Files of lines of words that processes and threads of a host read and change in turn.

They stay open, and what was read of them is kept taken apart: a signature looks twice. Each look
still reads the file, under its lock: what another process wrote, or who put the file back, is seen.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from seemachine.formats import Format

MAX_OPEN = 64
# How often the file of a name may be another one by the time that we hold its lock.
ATTEMPTS = 100
# A file in which nothing is remembered yet, so that it has its room on the disk.
NEW = b"\n"

Lines = list[list[str]]
Change = Callable[[Lines], Lines]


class _File:
    """An open file: which one it is, and what was read of it last, also taken apart."""

    def __init__(self, descriptor: int, device: int, inode: int) -> None:
        self.descriptor = descriptor
        self.device = device
        self.inode = inode
        self.size = 0
        self.data = b""
        self.lines: Lines | None = None


_files: dict[str, _File] = {}
_lock = threading.Lock()


def change(path: str, form: Format, alter: Change) -> Lines:
    """Read a file's lines, alter and write them, with nobody in between. A new file is made for
    this user alone. `alter` gives other lines, and leaves those that it gets as they are.

    Raises OSError; ValueError for what is damaged; OtherVersion; and whatever `alter` raises.
    """
    with _lock:
        file = _locked(path)
        try:
            lines = _read(path, file, form)
            altered = alter(lines)
            if altered != lines:
                _write(file, altered)
            return altered
        finally:
            fcntl.flock(file.descriptor, fcntl.LOCK_UN)


def _locked(path: str) -> _File:
    """The file that the path names while we hold its lock: whoever deleted it, or put another in
    its place, begins anew.
    """
    for _ in range(ATTEMPTS):
        file = _files.get(path)
        if file is None or not _is_open(file):
            file = _opened(path)
        fcntl.flock(file.descriptor, fcntl.LOCK_EX)
        try:
            if _is_at(path, file):
                return file
        except BaseException:
            fcntl.flock(file.descriptor, fcntl.LOCK_UN)
            raise
        fcntl.flock(file.descriptor, fcntl.LOCK_UN)
        _close(_files.pop(path))
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def _is_open(file: _File) -> bool:
    """Whether its descriptor is its own: who becomes a daemon closes them all, and the number may
    be that of another file by now.
    """
    try:
        found = os.fstat(file.descriptor)
    except OSError:
        return False
    return found.st_ino == file.inode and found.st_dev == file.device


def _is_at(path: str, file: _File) -> bool:
    try:
        found = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return False
    file.size = found.st_size
    return found.st_ino == file.inode and found.st_dev == file.device


def _opened(path: str) -> _File:
    if len(_files) >= MAX_OPEN:
        _close_all()
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    found = os.fstat(descriptor)
    _files[path] = _File(descriptor, found.st_dev, found.st_ino)
    return _files[path]


def _read(path: str, file: _File, form: Format) -> Lines:
    data = os.pread(file.descriptor, file.size, 0)
    if file.lines is not None and data == file.data:
        return file.lines
    file.lines = None
    _refuse_other_version(data, path, form)
    if not data:
        # On a full disk this fails, before a leaf is taken that could not be remembered.
        os.pwrite(file.descriptor, NEW, 0)
        data = NEW
    file.data = data
    file.lines = [] if data == NEW else [line.split() for line in data.decode().splitlines()]
    return file.lines


def _write(file: _File, lines: Lines) -> None:
    written = "".join(" ".join(line) + "\n" for line in lines).encode()
    file.lines = None
    if os.pwrite(file.descriptor, written, 0) < len(written):
        # A full disk has taken a part: a number of which half is there would be another one.
        os.pwrite(file.descriptor, file.data, 0)
        os.ftruncate(file.descriptor, len(file.data))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if len(written) < len(file.data):
        os.ftruncate(file.descriptor, len(written))
    file.data, file.lines = written, lines


def _refuse_other_version(data: bytes, path: str, form: Format) -> None:
    """Raises OtherVersion."""
    first = data.partition(b"\n")[0].decode(errors="replace")
    if first.startswith(form.name):
        form.check(first, path)


def _close(file: _File) -> None:
    if _is_open(file):
        os.close(file.descriptor)


def _close_all() -> None:
    while _files:
        _close(_files.popitem()[1])


def close_below(folder: Path) -> None:
    """Close the files in a folder that goes, such as the world of a test."""
    with _lock:
        for path in [path for path in _files if Path(path).is_relative_to(folder)]:
            _close(_files.pop(path))


def _forget_files() -> None:
    """A child of this process does not lock by the parent's descriptors: a lock is theirs both."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _close_all()


os.register_at_fork(after_in_child=_forget_files)

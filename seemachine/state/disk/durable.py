"""Files that are on the disk when a call returns."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

# Only opening a file fails so: nothing of it was written or flushed.
NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
# Folders whose names this process has flushed.
_certain: set[Path] = set()


def private_folder(path: Path) -> Path:
    """Create a folder that only its owner may enter, with its parents, durably. Returns it.

    One that is there may be of a process that was killed before it flushed the name: whoever uses
    it first makes sure.
    """
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    elif path in _certain or not os.access(path.parent, os.R_OK | os.W_OK):
        # Where we can't write the name is not ours.
        return path
    flush_folder(path.parent)
    _certain.add(path)
    return path


def forget_below(folder: Path) -> None:
    """A folder goes, or may: whoever uses one of its name makes sure again."""
    _certain.difference_update([path for path in tuple(_certain) if path.is_relative_to(folder)])


def flush_folder(path: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(folder: Path, file: str = "") -> None:
    """Make durable what a process that was killed left of a folder's names, and of a file in it if
    there is one.

    It was written, so it is read; nothing may be built on it that a power cut could leave without
    it. Raises OSError.
    """
    flush_folder(folder)
    if file and (folder / file).exists():
        descriptor = os.open(folder / file, os.O_RDONLY)
        try:
            flush(descriptor)
        finally:
            os.close(descriptor)


def replace_file(
    path: Path, data: bytes, before: Callable[[Path], None] = lambda _scratch: None
) -> None:
    """Write a whole file so that after a crash there is either the old or the new one.

    Raises OSError; the old one is then kept.

    `before` is called with the new file when that is durable and has yet to take its name.
    """
    scratch = path.with_name(f".{path.name}.new")
    try:
        _write_new(scratch, data)
        before(scratch)
        scratch.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk does not say which file it was
        # What could not be finished may hold seeds, and is of no use.
        scratch.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        write_all(descriptor, data)
        flush(descriptor)
    finally:
        os.close(descriptor)


def write_end(path: Path, offset: int, data: bytes) -> None:
    """Write the rest of a file from some place on, durably.

    Raises OSError; what then follows that place is not known.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
    try:
        if os.pwrite(descriptor, data, offset) != len(data):
            raise OSError(errno.EIO, f"{path.name} was written in part")
        os.ftruncate(descriptor, offset + len(data))
        flush(descriptor)
    finally:
        os.close(descriptor)


def remove_file(path: Path) -> None:
    """Delete a file, or find it gone. Raises OSError."""
    path.unlink(missing_ok=True)
    flush_folder(path.parent)


def flush(descriptor: int) -> None:
    """Make a file durable, also where fsync alone leaves it in the drive's memory."""
    os.fsync(descriptor)
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)


def no_room(error: OSError) -> bool:
    """Whether a write failed for want of space or descriptors; what is on the disk is in order."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, *NO_DESCRIPTOR)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it where the file stands, however often the system takes only a part.

    Raises OSError.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]

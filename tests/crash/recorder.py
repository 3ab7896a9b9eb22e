"""Logs, in order, every change that a scenario makes to the files under one folder, and every
flush.

Files are known by a number, as by their inode, so that a rename carries what was not flushed yet to
the new name.
"""

import contextlib
import errno
import importlib.util
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crash.operations import (
    Link,
    Mark,
    Operation,
    Rename,
    Sync,
    SyncFolder,
    Truncate,
    Unlink,
    Write,
)

PAGE = 4096
# A compiled package, and needed for SQLite only.
HAS_APSW = importlib.util.find_spec("apsw") is not None


class Killed(BaseException):
    """The process ends here: whatever it does on its way out comes too late."""


class Recorder:
    """The log of one scenario under `root`.

    What is there when recording begins is the `base`, and is on the disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.log: list[Operation] = []
        # What is open: the number of a file, which it keeps under another name, or the path of a
        # folder.
        self.descriptors: dict[int, int | str] = {}
        # After so many more operations the process is killed.
        self.life: int | None = None
        # After so many more operations the disk is full: that one fails, and from then on all that
        # take room.
        self.room: int | None = None
        self.base: dict[str, bytes | None] = contents(self.root)
        # The number of each base file is its place among the names.
        self.files: dict[str, int | None] = {}
        for path, data in self.base.items():
            self.files[path] = None if data is None else len(self.files)
        self.count = len(self.files)

    def name(self, path: Any) -> str | None:
        """The path below the root, or None where it is not ours."""
        with contextlib.suppress(TypeError, ValueError):
            return str(Path(os.path.abspath(os.fspath(path))).relative_to(self.root))  # noqa: PTH100
        return None

    def strike(self, *, grows: bool = False) -> None:
        """Called before an operation is done, with whether it takes room.

        Raises Killed when the process does not live to do it, OSError when the disk is full.
        """
        if self.dying():
            raise Killed
        if self.crowded(grows=grows):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def crowded(self, *, grows: bool) -> bool:
        """Whether an operation that is about to be done finds no room. Counts it."""
        if self.room is not None:
            self.room -= 1
        return self.room == -1 or (self.full and grows)

    @property
    def full(self) -> bool:
        """Whether the disk is full."""
        return self.room is not None and self.room < 0

    def dying(self) -> bool:
        """Whether an operation that is about to be done is not done any more. Counts it."""
        if self.life is not None:
            self.life -= 1
        return self.dead

    @property
    def dead(self) -> bool:
        """Whether the process was killed."""
        return self.life is not None and self.life < 0

    def revive(self) -> None:
        """Another process begins. The system has closed what the killed one had open."""
        self.life = None
        for descriptor in tuple(self.descriptors):
            os.close(descriptor)

    def mark(self, what: Any) -> None:
        """Log that something has happened. Raises Killed."""
        if self.dead:
            raise Killed
        self.log.append(Mark(what))

    def created(self, name: str) -> int:
        """Log a new, empty file and return its number."""
        self.count += 1
        self.files[name] = self.count
        self.log.append(Link(name, self.count))
        return self.count

    def file(self, name: str) -> int:
        """The number of a file."""
        number = self.files[name]
        assert number is not None, name
        return number

    def made_folder(self, name: str) -> None:
        """Log a new folder."""
        self.files[name] = None
        self.log.append(Link(name, None))

    def unlinked(self, name: str) -> None:
        """Log a file gone."""
        del self.files[name]
        self.log.append(Unlink(name))

    def renamed(self, source: str, target: str) -> None:
        """Log a rename.

        Into another folder it is two changes, for a crash may leave the file in both.
        """
        number = self.file(source)
        if Path(source).parent == Path(target).parent:
            self.log.append(Rename(source, target, number))
        else:
            self.log += [Link(target, number), Unlink(source, target)]
        del self.files[source]
        self.files[target] = number

    def check(self) -> None:
        """Fail unless the log leads from the base to what is in the folder now: nothing escaped the
        recorder.
        """
        from crash.disk import Disk

        disk = Disk(self.base)
        for operation in self.log:
            disk.apply(operation)
        found, wanted = contents(self.root), disk.image(disk.pending)
        differing = sorted(
            path
            for path in found.keys() | wanted.keys()
            if found.get(path, b"?") != wanted.get(path, b"?")
        )
        assert not differing, f"not recorded: {differing}"


def contents(root: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, every folder with None; parents first."""
    paths = sorted(path for path in root.rglob("*") if not path.name.endswith("-shm"))
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in paths
    }


class SystemCalls:
    """The functions of `os` that change files, which do it and log it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._real = {name: getattr(os, name) for name in self.functions()}

    @staticmethod
    def functions() -> tuple[str, ...]:
        """Those that are replaced while recording."""
        return (
            "open",
            "close",
            "write",
            "pwrite",
            "ftruncate",
            "fsync",
            "rename",
            "replace",
            "unlink",
            "mkdir",
            "rmdir",
            "link",
        )

    def open(self, path: Any, flags: int, mode: int = 0o777, **named: Any) -> int:
        name = self._recorder.name(path)
        existed = name in self._recorder.files
        if name is not None and (flags & os.O_TRUNC or not (existed or Path(path).is_dir())):
            self._recorder.strike(grows=not existed)
        descriptor: int = self._real["open"](path, flags, mode, **named)
        if name is not None:
            self._opened(descriptor, name, existed, flags)
        return descriptor

    def _opened(self, descriptor: int, name: str, existed: bool, flags: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._recorder.descriptors[descriptor] = name
            return
        number = self._recorder.file(name) if existed else self._recorder.created(name)
        self._recorder.descriptors[descriptor] = number
        if existed and flags & os.O_TRUNC:
            self._recorder.log.append(Truncate(number, 0))

    def close(self, descriptor: int) -> None:
        self._recorder.descriptors.pop(descriptor, None)
        self._real["close"](descriptor)

    def write(self, descriptor: int, data: Any) -> int:
        offset = (
            os.lseek(descriptor, 0, os.SEEK_CUR) if descriptor in self._recorder.descriptors else 0
        )
        return self._put("write", descriptor, data, offset)

    def pwrite(self, descriptor: int, data: Any, offset: int) -> int:
        return self._put("pwrite", descriptor, data, offset, offset)

    def _put(self, call: str, descriptor: int, data: Any, offset: int, *arguments: int) -> int:
        try:
            self._strike(descriptor, grows=True)
        except OSError:
            # A disk that fills up takes whole pages, here those of the first half.
            room = (offset + len(data) // 2) // PAGE * PAGE - offset
            if room > 0:
                self._wrote(
                    descriptor, data, offset, self._real[call](descriptor, data[:room], *arguments)
                )
            raise
        return self._wrote(descriptor, data, offset, self._real[call](descriptor, data, *arguments))

    def _wrote(self, descriptor: int, data: Any, offset: int, count: int) -> int:
        if (file := self._file(descriptor)) is not None:
            self._recorder.log.append(Write(file, offset, bytes(data)[:count]))
        return count

    def ftruncate(self, descriptor: int, size: int) -> None:
        self._strike(descriptor)
        self._real["ftruncate"](descriptor, size)
        if (file := self._file(descriptor)) is not None:
            self._recorder.log.append(Truncate(file, size))

    def fsync(self, descriptor: int) -> None:
        self._strike(descriptor)
        # Not done: what counts is the order in the log.
        if (file := self._file(descriptor)) is not None:
            self._recorder.log.append(Sync(file))
        elif isinstance(folder := self._recorder.descriptors.get(descriptor), str):
            self._recorder.log.append(SyncFolder(folder))

    def rename(self, source: Any, target: Any) -> None:
        old, new = self._recorder.name(source), self._recorder.name(target)
        if old is not None:
            self._recorder.strike()
        self._real["rename"](source, target)
        assert (old is None) == (new is None), "a rename out of the recorded folder"
        if old is not None and new is not None:
            self._recorder.renamed(old, new)

    replace = rename

    def unlink(self, path: Any, **named: Any) -> None:
        name = self._recorder.name(path)
        if name in self._recorder.files:
            self._recorder.strike()
        self._real["unlink"](path, **named)
        if name is not None:
            self._recorder.unlinked(name)

    def mkdir(self, path: Any, mode: int = 0o777, **named: Any) -> None:
        name = self._recorder.name(path)
        if name is not None and name not in self._recorder.files:
            self._recorder.strike(grows=True)
        self._real["mkdir"](path, mode, **named)
        if name is not None:
            self._recorder.made_folder(name)

    def rmdir(self, path: Any, **named: Any) -> None:
        assert self._recorder.name(path) is None, f"{path}: no scenario removes folders"
        self._real["rmdir"](path, **named)

    def link(self, source: Any, target: Any, **named: Any) -> None:
        assert self._recorder.name(target) is None, f"{target}: no scenario makes links"
        self._real["link"](source, target, **named)

    def _strike(self, descriptor: int, *, grows: bool = False) -> None:
        if descriptor in self._recorder.descriptors:
            self._recorder.strike(grows=grows)

    def _file(self, descriptor: int) -> int | None:
        number = self._recorder.descriptors.get(descriptor)
        return number if isinstance(number, int) else None


def _write_whole(path: Path, data: bytes) -> int:
    """Path.write_bytes by way of `os`, where it is seen."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        return os.write(descriptor, data)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    """Record everything under `root` until the end of the block, SQLite too; then check that
    nothing escaped.
    """
    recorder = Recorder(root)
    calls = SystemCalls(recorder)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        if HAS_APSW:
            from crash.sqlite_shim import sqlite_recorded

            stack.enter_context(sqlite_recorded(recorder, patch))
        for name in calls.functions():
            patch.setattr(os, name, getattr(calls, name))
        patch.setattr(Path, "write_bytes", _write_whole)
        patch.setattr(
            Path, "write_text", lambda path, text, *_arguments: _write_whole(path, text.encode())
        )
        yield recorder
    recorder.check()

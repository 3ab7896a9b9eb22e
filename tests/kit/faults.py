"""Disks and databases that fail when told to."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kit.stores import FILE, Kind, quick_folder

from seemachine.state.disk import durable
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore

# The steps of writing a file durably.
STEPS = ("open", "write", "fsync", "replace", "flush_folder")


def break_at(patch: pytest.MonkeyPatch, step: str, number: int = errno.ENOSPC) -> None:
    """Let one step of writing cards, or of a file store, fail."""

    def fail(*_arguments: Any, **_named: Any) -> None:
        raise OSError(number, os.strerror(number))

    if step == "replace":
        patch.setattr(Path, "replace", fail)
    elif step == "flush_folder":
        patch.setattr(durable, "flush_folder", fail)
    else:
        patch.setattr(durable, "os", BrokenOs(step, fail))


class BrokenOs:
    """The `os` of seemachine.state.disk.durable, with one function that fails."""

    def __init__(self, broken: str, fail: Callable[..., None]) -> None:
        self._broken, self._fail = broken, fail

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._broken else getattr(os, name)


class Fault:
    """A failure that waits.

    Every place where a write can fail calls `strike`; the one that was chosen with `arm` does.
    """

    def __init__(self) -> None:
        self.full = False
        self.fired = False
        self.hook: Callable[[], None] | None = None
        self._left: int | None = None

    def arm(self, at: int, *, full: bool = False, hook: Callable[[], None] | None = None) -> None:
        """At the place number `at` from now call `hook`, or fail, for want of room or for another
        reason.
        """
        self._left, self.full, self.hook, self.fired = at, full, hook, False

    def disarm(self) -> None:
        """All is well again."""
        self._left, self.fired = None, False

    def strike(self, error: Callable[[bool], Exception]) -> None:
        """A place where a write can fail."""
        if self._left is None:
            return
        if self._left:
            self._left -= 1
            return
        self._left, self.fired = None, True
        if self.hook is None:
            raise error(self.full)
        self.hook()


def os_error(full: bool) -> OSError:
    """What the system says."""
    number = errno.ENOSPC if full else errno.EIO
    return OSError(number, os.strerror(number))


def sqlite_error(full: bool) -> sqlite3.OperationalError:
    """What SQLite says."""
    error = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR_FSYNC
    return error


class FaultyOs:
    """The `os` of seemachine.state.disk.durable, with a disk behind it that fails on demand."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def __getattr__(self, attribute: str) -> Any:
        return getattr(os, attribute)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write all of it, or half of it and fail."""
        try:
            self._fault.strike(os_error)
        except OSError:
            os.write(descriptor, data[: len(data) // 2])
            raise
        return os.write(descriptor, data)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """Write all of it, or half of it and fail."""
        try:
            self._fault.strike(os_error)
        except OSError:
            os.pwrite(descriptor, data[: len(data) // 2], offset)
            raise
        return os.pwrite(descriptor, data, offset)

    def fsync(self, _descriptor: int) -> None:
        """Fail. What was written stays where it is, as on a real system: nobody knows."""
        self._fault.strike(os_error)


class FaultyDatabase:
    """A connection whose disk fails on demand: at each statement that writes, and after the commit
    reached the disk.
    """

    def __init__(self, database: sqlite3.Connection, fault: Fault) -> None:
        self._database = database
        self._fault = fault

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._database, attribute)

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Fail, or do it; or, for a commit, do it and fail."""
        if not sql.startswith(("SELECT", "PRAGMA")):
            self._fault.strike(sqlite_error)
        done = self._database.execute(sql, values)
        if sql == "COMMIT":
            self._fault.strike(sqlite_error)
        return done


class BrokenPragma:
    """A connection that answers one setting otherwise than it was told, as a build or a file system
    without it would.
    """

    def __init__(self, database: sqlite3.Connection, setting: str, answer: object) -> None:
        self._database = database
        self._question = f"PRAGMA {setting}"
        self._answer = answer

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._database, attribute)

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Ask the database, but for that one question."""
        return (
            self._database.execute("SELECT ?", (self._answer,))
            if sql == self._question
            else self._database.execute(sql, values)
        )


class NoSuchPlace(Exception):
    """The operation ended before it came to the place where it was to fail."""


class Disk:
    """Opens stores of one kind on a disk that fails on demand, at place number `place` of an
    operation.
    """

    def __init__(self, kind: Kind, folder: Path, patch: pytest.MonkeyPatch, place: int = 0) -> None:
        self.kind, self.folder, self.place, self.fault = kind, folder, place, Fault()
        if kind is FILE:
            patch.setattr(durable, "os", FaultyOs(self.fault))

    def open(self) -> MirroredStore:
        """The store as it lies on this disk. Opening it never fails."""
        self.fault.disarm()
        store = self.kind.open(self.folder)
        if isinstance(store, SqliteStore):
            store._database = FaultyDatabase(store._database, self.fault)  # type: ignore[assignment]
        if isinstance(store, MemoryStore):
            for write in ("_write_install", "_write"):
                setattr(store, write, self._struck(getattr(store, write)))
        return store

    def _struck(self, write: Callable[[Any], None]) -> Callable[[Any], None]:
        def first_strike(what: Any) -> None:
            self.fault.strike(lambda full: DiskFull("full") if full else StateFailed("broken"))
            write(what)

        return first_strike

    def fail(self, operation: Callable[[], object], *, full: bool) -> StateFailed:
        """Do something with the failure in it, and return what it raised. Raises NoSuchPlace."""
        self.fault.arm(self.place, full=full)
        try:
            operation()
        except StateFailed as error:
            assert self.fault.fired
            return error
        raise NoSuchPlace

    def crash(self, operation: Callable[[], object], copy: Path) -> None:
        """Do something, and keep in `copy` what a process that was killed at that place would leave
        behind.

        Raises NoSuchPlace.
        """
        self.fault.arm(self.place, hook=lambda: shutil.copytree(self.folder, copy) and None)
        operation()
        if not self.fault.fired:
            raise NoSuchPlace


def at_every_place(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test for each durable store with a disk that fails at the first place of an operation,
    at the second, and so on.
    """

    def everywhere(self: object, durable_kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
        for place in count():
            with quick_folder() as folder:
                try:
                    test(self, Disk(durable_kind, folder / "disk", monkeypatch, place))
                except NoSuchPlace:
                    assert place
                    return
                except BaseException as error:
                    error.add_note(f"the operation failed at place {place}")
                    raise

    everywhere.__doc__ = test.__doc__
    return everywhere

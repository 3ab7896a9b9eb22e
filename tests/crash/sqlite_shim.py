"""SQLite under the recorder: a VFS that logs what SQLite does to files, and a connection that looks
like the standard library's.

The store runs unchanged. What it asks of `sqlite3.connect` is done by apsw, whose VFS can be
written in Python.
"""

import contextlib
import ctypes
import itertools
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from crash.operations import Sync, SyncFolder, Truncate, Write
from crash.recorder import Killed, Recorder

VFS_NUMBERS = itertools.count()
ERRORS = {
    "ConstraintError": sqlite3.IntegrityError,
    "CorruptError": sqlite3.DatabaseError,
    "NotADBError": sqlite3.DatabaseError,
}
OpenDirectory = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))


class RecordedVfs(apsw.VFS):  # type: ignore[misc]
    """The VFS of this system, logged."""

    def __init__(self, recorder: Recorder) -> None:
        self.name = f"recorded{next(VFS_NUMBERS)}"
        self.recorder = recorder
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "RecordedFile":  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        known = None if path is None else self.recorder.name(path)
        existed = path is not None and Path(path).exists()
        if known is not None and not existed and self.recorder.dying():
            raise apsw.CantOpenError("killed")
        if known is not None and not existed and self.recorder.crowded(grows=True):
            raise apsw.CantOpenError("full")
        opened = RecordedFile(self.recorder, known, name, flags)
        if known is not None and not existed:
            self.recorder.created(known)
        return opened

    def xDelete(self, path: str, sync: bool) -> None:  # noqa: N802
        # Before it is done, for the flush of the folder is seen on the way: it belongs behind.
        known = self.recorder.name(path)
        if known in self.recorder.files:
            if self.recorder.dying():
                return
            self.recorder.unlinked(known)
        super().xDelete(path, sync)


class RecordedFile(apsw.VFSFile):  # type: ignore[misc]
    """An open file of that VFS."""

    def __init__(self, recorder: Recorder, known: str | None, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._recorder, self._known = recorder, known

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._dying():
            return
        if self._crowded(grows=True):
            raise apsw.FullError("full")
        super().xWrite(data, offset)
        if self._known:
            self._recorder.log.append(Write(self._recorder.file(self._known), offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        if self._dying():
            return
        if self._crowded():
            raise apsw.IOError("full")
        super().xTruncate(size)
        if self._known:
            self._recorder.log.append(Truncate(self._recorder.file(self._known), size))

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._dying():
            return
        if self._crowded():
            raise apsw.IOError("full")
        if self._known:
            self._recorder.log.append(Sync(self._recorder.file(self._known)))
        super().xSync(flags)

    def _dying(self) -> bool:
        return self._known is not None and self._recorder.dying()

    def _crowded(self, *, grows: bool = False) -> bool:
        return self._known is not None and self._recorder.crowded(grows=grows)


@contextlib.contextmanager
def _folders_seen(vfs: apsw.VFS, recorder: Recorder) -> Iterator[None]:
    """SQLite flushes the folder of a new log by itself, out of sight of a VFS: it opens the folder
    for that, and for nothing else.
    """
    real = OpenDirectory(vfs.xGetSystemCall("openDirectory"))

    def seen(path: bytes, descriptor: Any) -> int:
        folder = recorder.name(Path(os.fsdecode(path)).parent)
        if folder is not None and not recorder.dying():
            recorder.log.append(SyncFolder(folder))
        return real(path, descriptor)

    hook = OpenDirectory(seen)
    vfs.xSetSystemCall("openDirectory", ctypes.cast(hook, ctypes.c_void_p).value)
    try:
        yield
    finally:
        vfs.xSetSystemCall("openDirectory", ctypes.cast(real, ctypes.c_void_p).value)


@contextlib.contextmanager
def sqlite_recorded(recorder: Recorder, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Until the end of the block `sqlite3.connect` gives connections whose disk is recorded."""
    vfs = RecordedVfs(recorder)
    patch.setattr(sqlite3, "connect", lambda path, **_settings: Connection(path, vfs))
    with _folders_seen(vfs, recorder):
        yield


class Cursor:
    """The result of a statement, as sqlite3 gives it; all rows are fetched at once."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return list(self._rows)


class Connection:
    """What the store uses of sqlite3.Connection with isolation_level=None."""

    def __init__(self, path: Any, vfs: RecordedVfs) -> None:
        self._recorder = vfs.recorder
        with self._translated():
            self._database = apsw.Connection(str(path), vfs=vfs.name)

    def execute(self, sql: str, values: Sequence[object] = ()) -> Cursor:
        """One statement."""
        with self._translated():
            before = self._database.total_changes()
            rows = list(self._database.execute(sql, tuple(values)))
            return self._cursor(sql, rows, before)

    def executemany(self, sql: str, rows: Any) -> Cursor:
        """One statement for each row of values."""
        with self._translated():
            before = self._database.total_changes()
            return self._cursor(sql, list(self._database.executemany(sql, rows)), before)

    def executescript(self, script: str) -> Cursor:
        """Many statements."""
        with self._translated():
            if self._database.in_transaction:
                self._database.execute("COMMIT")
            return Cursor(list(self._database.execute(script)), -1)

    def _cursor(self, sql: str, rows: list[tuple[Any, ...]], before: int) -> Cursor:
        changing = sql.lstrip()[:7].upper().startswith(("INSERT", "UPDATE", "DELETE", "REPLACE"))
        return Cursor(rows, self._database.total_changes() - before if changing else -1)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._database.in_transaction)

    @property
    def total_changes(self) -> int:
        """Rows changed since the connection was opened."""
        return int(self._database.total_changes())

    def commit(self) -> None:
        """End the transaction, if there is one."""
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Give everything back. A log that can't be copied stays, of which sqlite3 says nothing."""
        try:
            self._database.close()
        except apsw.Error:
            life, self._recorder.life = self._recorder.life, -1
            self._database.close()
            self._recorder.life = life
        self._die()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors as sqlite3 has them.

        SQLite itself is not told of a kill, for it would clean up; what it did after that was not
        done.
        """
        try:
            yield
        except apsw.Error as error:
            self._die()
            translated = ERRORS.get(type(error).__name__, sqlite3.OperationalError)(str(error))
            translated.sqlite_errorcode = getattr(
                error, "extendedresult", getattr(error, "result", sqlite3.SQLITE_ERROR)
            )
            raise translated from error
        self._die()

    def _die(self) -> None:
        if self._recorder.dead:
            raise Killed

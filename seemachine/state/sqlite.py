"""NVRAM in SQLite, the default: one database per machine, write-ahead log, a full flush per commit."""

import contextlib
import hashlib
import sqlite3
from pathlib import Path

from seemachine.state.durable import flush_folder, private_folder
from seemachine.state.errors import DiskFull, StateCorrupt, StateFailed, StateUnsafe
from seemachine.state.records import NvramFile, StoredLease
from seemachine.state.store import Changes, MirroredStore

SCHEMA_VERSION = 1
SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE nvram (name BLOB PRIMARY KEY, public_key BLOB NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL,
                    seed BLOB NOT NULL, path BLOB NOT NULL, next INTEGER NOT NULL, checksum BLOB NOT NULL,
                    CHECK (first <= next AND next < end)) STRICT;
CREATE TABLE installed (public_key BLOB NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL, checksum BLOB NOT NULL,
                        PRIMARY KEY (public_key, first)) STRICT;
CREATE TABLE epoch (number INTEGER NOT NULL) STRICT;
INSERT INTO epoch VALUES (0);
PRAGMA user_version = 1;
COMMIT;
"""
# What durability rests on. Set, then read back: a build or a file system that answers otherwise is refused.
SETTINGS = {"locking_mode": "exclusive", "journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "secure_delete": 1}
FULL, EXTRA = 2, 3
# The disk's fault rather than the file's.
DISK_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY)
CHECKSUM_BYTES = 16

Statement = tuple[str, tuple[object, ...]]


class SqliteStore(MirroredStore):
    """See Store. `folder` is the machine's own; whoever opens it holds its lock. Raises StateUnsafe, StateCorrupt, StateFailed."""

    def __init__(self, folder: Path) -> None:
        self._path = private_folder(folder) / "nvram.db"
        if not self._path.exists():
            _create(self._path)
        self._database = _connect(self._path)
        try:
            super().__init__(self._prepared_files(), self._next_epoch())
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """See Store."""
        super().close()
        self._database.close()

    def _prepared_files(self) -> list[NvramFile]:
        try:
            self._prepare()
            files = [_file_from(row, self._path) for row in self._database.execute("SELECT * FROM nvram")]
            for row in self._database.execute("SELECT public_key, first, end, checksum FROM installed"):
                _check(row, self._path)
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            raise StateCorrupt(f"{self._path}: {error}") from error
        return files

    def _prepare(self) -> None:
        for setting, value in SETTINGS.items():
            self._database.execute(f"PRAGMA {setting} = {value}")
        # The first statement that touches the file, so that the lock is taken and a broken file is noticed here.
        [version] = self._database.execute("PRAGMA user_version").fetchone()
        self._check_settings()
        # A damaged index hides rows from those who ask by it; a lease that was used up could then be installed again.
        if self._database.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
            raise StateCorrupt(f"{self._path}: the database is damaged")
        # A file is made whole before it gets its name: an empty one was emptied.
        if version == 0:
            raise StateCorrupt(f"{self._path}: the database was emptied")
        if version != SCHEMA_VERSION:
            raise StateUnsafe(f"{self._path}: written by another version of seemachine (schema {version}, this one has {SCHEMA_VERSION})")

    def _check_settings(self) -> None:
        for setting, wanted in SETTINGS.items():
            [found] = self._database.execute(f"PRAGMA {setting}").fetchone()
            if found != wanted and not (setting == "synchronous" and found in (FULL, EXTRA)):
                raise StateUnsafe(f"{self._path}: SQLite has {setting} = {found} where {wanted} is needed to be sure of the disk")

    def _next_epoch(self) -> int:
        try:
            [(epoch,)] = self._database.execute("UPDATE epoch SET number = number + 1 RETURNING number").fetchall()
        except (ValueError, sqlite3.Error) as error:
            kind = StateFailed if getattr(error, "sqlite_errorcode", None) in DISK_ERRORS else StateCorrupt
            raise kind(f"{self._path}: {error}") from error
        if epoch < 1:
            raise StateCorrupt(f"{self._path}: the count of openings is damaged")
        return int(epoch)

    def _was_installed(self, lease: StoredLease) -> bool:
        overlap = "SELECT 1 FROM installed WHERE public_key = ? AND first < ? AND ? < end"
        try:
            return self._database.execute(overlap, (lease.public_key, lease.end, lease.first)).fetchone() is not None
        except sqlite3.Error as error:
            raise StateFailed(f"{self._path}: {error}") from error

    def _write_install(self, lease: StoredLease) -> None:
        row = (lease.public_key, lease.first, lease.end)
        file = _columns(NvramFile(lease, lease.first))
        self._commit(
            [
                ("INSERT INTO installed VALUES (?, ?, ?, ?)", (*row, _checksum(row))),
                # In place of a used-up file that a full disk kept from being deleted.
                ("INSERT OR REPLACE INTO nvram VALUES (?, ?, ?, ?, ?, ?, ?, ?)", file),
            ]
        )

    def _write_changes(self, changes: Changes) -> None:
        self._commit([_change(name, file) for name, file in changes.items()])

    def _commit(self, statements: list[Statement]) -> None:
        """All statements in one transaction, each changing exactly one row."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for sql, values in statements:
                if self._database.execute(sql, values).rowcount != 1:
                    raise StateFailed(f"{self._path}: the stored leaf is not behind the one to be taken; somebody else changed this file")
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            kind = DiskFull if error.sqlite_errorcode == sqlite3.SQLITE_FULL else StateFailed
            raise kind(f"{self._path}: {error}") from error
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        """After a failure; what could not be rolled back is rolled back by the next opening."""
        with contextlib.suppress(sqlite3.Error):
            if self._database.in_transaction:
                self._database.rollback()


def _columns(file: NvramFile) -> tuple[object, ...]:
    lease = file.lease
    values = (file.name, lease.public_key, lease.first, lease.end, lease.seed, lease.path, file.next)
    return (*values, _checksum(values))


def _file_from(row: tuple[object, ...], path: Path) -> NvramFile:
    name, public_key, first, end, seed, nodes, following, _ = row
    file = NvramFile(StoredLease(public_key, first, end, seed, nodes), following)  # type: ignore[arg-type]
    _check(row, path)
    if name != file.name:
        raise StateCorrupt(f"{path}: a row holds the record of another file")
    return file


def _change(name: bytes, file: NvramFile | None) -> Statement:
    if file is None:
        return "DELETE FROM nvram WHERE name = ?", (name,)
    # Never backwards, whatever this process believes.
    return "UPDATE nvram SET next = ?, checksum = ? WHERE name = ? AND next < ?", (file.next, _columns(file)[-1], name, file.next)


def _checksum(values: tuple[object, ...]) -> bytes:
    """SQLite keeps none of its own for the pages of a database. Lengths and types stand before the values."""
    parts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    described = b"".join(b"%c%d:" % (b"bi"[isinstance(value, int)], len(part)) for value, part in zip(values, parts, strict=True))
    return hashlib.sha256(described + b"".join(parts)).digest()[:CHECKSUM_BYTES]


def _check(row: tuple[object, ...], path: Path) -> None:
    if row[-1] != _checksum(row[:-1]):
        raise StateCorrupt(f"{path}: the checksum of a row does not fit; the file was damaged")


def _create(path: Path) -> None:
    """A new database, whole or not at all."""
    scratch = path.with_name("nvram.new")
    scratch.unlink(missing_ok=True)
    database = _connect(scratch)
    try:
        database.execute("PRAGMA synchronous = full")
        database.executescript(SCHEMA)
    except sqlite3.Error as error:
        raise StateFailed(f"{path}: {error}") from error
    finally:
        database.close()
    scratch.rename(path)
    flush_folder(path.parent)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # Calls come from worker threads, one at a time: the store has a lock of its own.
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        path.chmod(0o600)
    except (sqlite3.Error, OSError) as error:
        raise StateFailed(f"{path}: {error}") from error
    return database

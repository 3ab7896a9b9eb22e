"""NVRAM in SQLite, the default: one database per machine, write-ahead log, a full flush per commit."""

import sqlite3
from pathlib import Path

from seemachine.state.durable import private_folder
from seemachine.state.errors import DiskFull, StateCorrupt, StateFailed, StateUnsafe
from seemachine.state.records import NvramFile, StoredLease
from seemachine.state.store import Changes, MirroredStore

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE nvram (name BLOB PRIMARY KEY, public_key BLOB NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL,
                    next INTEGER NOT NULL, seed BLOB NOT NULL, path BLOB NOT NULL,
                    CHECK (first <= next AND next < end)) STRICT;
CREATE TABLE installed (public_key BLOB NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL,
                        PRIMARY KEY (public_key, first)) STRICT;
CREATE TABLE epoch (number INTEGER NOT NULL) STRICT;
INSERT INTO epoch VALUES (0);
"""
# What durability rests on. Set, then read back: a build or a file system that answers otherwise is refused.
SETTINGS = {"locking_mode": "exclusive", "journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
FULL, EXTRA = 2, 3


class SqliteStore(MirroredStore):
    """See Store. `folder` is the machine's own; whoever opens it holds its lock. Raises StateUnsafe, StateCorrupt, StateFailed."""

    def __init__(self, folder: Path) -> None:
        self._path = private_folder(folder) / "nvram.db"
        self._database = _open(self._path)
        try:
            epoch = self._prepare()
            super().__init__(self._read_files(), epoch)
        except sqlite3.DatabaseError as error:
            raise StateCorrupt(f"{self._path}: {error}") from error

    def close(self) -> None:
        """See Store."""
        self._database.close()

    def _prepare(self) -> int:
        for setting, value in SETTINGS.items():
            self._database.execute(f"PRAGMA {setting} = {value}")
        # The first statement that touches the file, so that the lock is taken and a broken file is noticed here.
        [version] = self._database.execute("PRAGMA user_version").fetchone()
        self._check_settings()
        if version == 0:
            self._database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise StateUnsafe(f"{self._path}: written by another version of seemachine (schema {version}, this one has {SCHEMA_VERSION})")
        [epoch] = self._database.execute("UPDATE epoch SET number = number + 1 RETURNING number").fetchone()
        return int(epoch)

    def _check_settings(self) -> None:
        for setting, wanted in SETTINGS.items():
            [found] = self._database.execute(f"PRAGMA {setting}").fetchone()
            if found != wanted and not (setting == "synchronous" and found in (FULL, EXTRA)):
                raise StateUnsafe(f"{self._path}: SQLite has {setting} = {found} where {wanted} is needed to be sure of the disk")

    def _read_files(self) -> list[NvramFile]:
        rows = self._database.execute("SELECT name, public_key, first, end, seed, path, next FROM nvram").fetchall()
        files = [NvramFile(StoredLease(*row[1:6]), row[6]) for row in rows]
        for row, file in zip(rows, files, strict=True):
            if row[0] != file.name:
                raise StateCorrupt(f"{self._path}: file {row[0].hex()} holds the record of another file")
        return files

    def _was_installed(self, lease: StoredLease) -> bool:
        overlap = "SELECT 1 FROM installed WHERE public_key = ? AND first < ? AND ? < end"
        return self._database.execute(overlap, (lease.public_key, lease.end, lease.first)).fetchone() is not None

    def _write_install(self, lease: StoredLease) -> None:
        row = (lease.name, lease.public_key, lease.first, lease.end, lease.first, lease.seed, lease.path)
        self._commit(
            [
                ("INSERT INTO installed VALUES (?, ?, ?)", (lease.public_key, lease.first, lease.end)),
                ("INSERT INTO nvram (name, public_key, first, end, next, seed, path) VALUES (?, ?, ?, ?, ?, ?, ?)", row),
            ]
        )

    def _write_changes(self, changes: Changes) -> None:
        self._commit([_change(name, file) for name, file in changes.items()])

    def _commit(self, statements: list[tuple[str, tuple[object, ...]]]) -> None:
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
            if self._database.in_transaction:
                self._database.rollback()


def _change(name: bytes, file: NvramFile | None) -> tuple[str, tuple[object, ...]]:
    if file is None:
        return "DELETE FROM nvram WHERE name = ?", (name,)
    # Never backwards, whatever this process believes.
    return "UPDATE nvram SET next = ? WHERE name = ? AND next < ?", (file.next, name, file.next)


def _open(path: Path) -> sqlite3.Connection:
    try:
        # Calls come from worker threads, one at a time: the store has a lock of its own.
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    except sqlite3.Error as error:
        raise StateFailed(f"{path}: {error}") from error
    path.chmod(0o600)
    return database

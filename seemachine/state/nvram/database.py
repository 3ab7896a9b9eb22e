"""The database of the SQLite store: made whole or not at all, and believed only after it was looked
at.
"""

import os
import sqlite3
from pathlib import Path

from seemachine.formats import Format
from seemachine.state.disk.checksummed import check_version
from seemachine.state.disk.durable import flush_folder
from seemachine.state.errors import StateCorrupt, StateFailed, StateUnsafe
from seemachine.state.nvram import rows
from seemachine.state.witness.protocol import Mark, Past

SCHEMA_VERSION = 3
FORMAT = Format("database", SCHEMA_VERSION, SCHEMA_VERSION)
SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE nvram (name BLOB PRIMARY KEY, public_key BLOB NOT NULL, first INTEGER NOT NULL,
                    end INTEGER NOT NULL, seed BLOB NOT NULL, path BLOB NOT NULL,
                    next INTEGER NOT NULL, quarantine TEXT NOT NULL,
                    signer BLOB NOT NULL, warnat INTEGER NOT NULL, checksum BLOB NOT NULL,
                    CHECK (first <= next AND next < end)) STRICT;
CREATE TABLE spent (public_key BLOB NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL,
                    seed BLOB NOT NULL, path BLOB NOT NULL, signer BLOB NOT NULL,
                    time INTEGER NOT NULL, checksum BLOB NOT NULL,
                    PRIMARY KEY (public_key, first)) STRICT;
CREATE TABLE installed (public_key BLOB NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL,
                        checksum BLOB NOT NULL, PRIMARY KEY (public_key, first)) STRICT;
CREATE TABLE ledger (number INTEGER PRIMARY KEY, name BLOB NOT NULL, leaf INTEGER NOT NULL,
                     token BLOB NOT NULL UNIQUE, digest BLOB NOT NULL, client TEXT NOT NULL,
                     time INTEGER NOT NULL, reason TEXT NOT NULL, checksum BLOB NOT NULL,
                     UNIQUE (name, leaf)) STRICT;
CREATE TABLE opening (identity BLOB NOT NULL, epoch INTEGER NOT NULL, nonce BLOB NOT NULL,
                      place BLOB NOT NULL, before_epoch INTEGER NOT NULL,
                      before_nonce BLOB NOT NULL, doubt TEXT NOT NULL,
                      checksum BLOB NOT NULL) STRICT;
PRAGMA user_version = 3;
COMMIT;
"""
# What durability rests on. Set, then read back: a build or a file system that answers otherwise is
# refused.
SETTINGS = {
    "locking_mode": "exclusive",
    "journal_mode": "wal",
    "synchronous": 2,
    "fullfsync": 1,
    "secure_delete": 1,
}
FULL, EXTRA = 2, 3


def create(path: Path) -> None:
    """A new database, whole or not at all. Raises StateFailed."""
    scratch = path.with_name("nvram.new")
    scratch.unlink(missing_ok=True)
    database = connect(scratch)
    past = rows.past_values(Past(Mark(os.urandom(16), 0, os.urandom(8))))
    try:
        database.execute("PRAGMA synchronous = full")
        database.executescript(SCHEMA)
        database.execute(
            "INSERT INTO opening VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*past, rows.checksum(past))
        )
    except sqlite3.Error as error:
        raise StateFailed(f"{path}: {error}") from error
    finally:
        database.close()
    scratch.rename(path)
    flush_folder(path.parent)


def connect(path: Path) -> sqlite3.Connection:
    """A connection for one thread at a time. Raises StateFailed."""
    try:
        # Calls come from worker threads, one at a time: the store has a lock of its own.
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        path.chmod(0o600)
    except (sqlite3.Error, OSError) as error:
        raise StateFailed(f"{path}: {error}") from error
    return database


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Set what durability rests on, and look whether the database is whole and of this version.

    Raises StateUnsafe, StateCorrupt, StateOtherVersion, sqlite3.DatabaseError.
    """
    for setting, value in SETTINGS.items():
        database.execute(f"PRAGMA {setting} = {value}")
    # The first statement that touches the file, so that the lock is taken and a broken file is
    # noticed here.
    [version] = database.execute("PRAGMA user_version").fetchone()
    _check_settings(database, path)
    # Before the tables are looked at, which another version may not have.
    if version:
        check_version(FORMAT, version, str(path))
    # A damaged index hides rows from those who ask by it; a lease that was used up could then
    # be installed again.
    # Not so the ledger, which may be long: what is hidden of that costs a retry its leaf.
    for table in ("nvram", "spent", "installed", "opening"):
        if database.execute(f"PRAGMA integrity_check({table})").fetchall() != [("ok",)]:
            raise StateCorrupt(f"{path}: the database is damaged")
    # A file is made whole before it gets its name: an empty one was emptied.
    if version == 0:
        raise StateCorrupt(f"{path}: the database was emptied")


def _check_settings(database: sqlite3.Connection, path: Path) -> None:
    for setting, wanted in SETTINGS.items():
        [found] = database.execute(f"PRAGMA {setting}").fetchone()
        if found != wanted and not (setting == "synchronous" and found in (FULL, EXTRA)):
            raise StateUnsafe(
                f"{path}: SQLite has {setting} = {found} where {wanted} is needed to be"
                " sure of the disk"
            )

"""NVRAM in SQLite, the default: one database per machine, write-ahead log, a full flush
per commit.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seemachine.state.disk.durable import private_folder, settle
from seemachine.state.disk.file_identity import handle_of
from seemachine.state.errors import DiskFull, StateCorrupt, StateFailed
from seemachine.state.nvram import database, rows, statements
from seemachine.state.nvram.base import AT_ONCE, MirroredStore
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.filenames import DATABASE
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.statements import Statement
from seemachine.state.nvram.store import KEEP, Retention
from seemachine.state.records import NvramFile, SpentLease, StoredLease
from seemachine.state.witness.protocol import Past, Witness
from seemachine.wire.names import printed_name


class SqliteStore(MirroredStore):
    """See Store.

    `folder` is the machine's own; whoever opens it holds its lock. Raises StateUnsafe,
    StateCorrupt, StateFailed.
    """

    def __init__(
        self, folder: Path, witness: Witness | None = None, keep: Retention = KEEP
    ) -> None:
        self._path = private_folder(folder) / DATABASE
        if self._path.exists():
            # Its name may be one that the process which made it was killed before it flushed; and
            # so may commits in the log be, which are read, and which a witness that lags is told
            # of.
            settle(folder, f"{DATABASE}-wal")
        else:
            database.create(self._path)
        self._database = database.connect(self._path)
        try:
            files, spent, past = self._read()
            super().__init__(files, spent, past, keep)
            self._attest(past, witness, handle_of(folder))
            # What was read is in memory by now, and a process may have a thousand machines.
            self._database.execute("PRAGMA shrink_memory")
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """See Store."""
        try:
            super().close()
        finally:
            self._database.close()

    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            found = self._select(
                "SELECT * FROM ledger WHERE number > ? ORDER BY number LIMIT ?", (after, most)
            )
        return [(number, rows.ledger_from(row, self._path)) for number, *row in found]

    def _read(self) -> tuple[list[NvramFile], list[SpentLease], Past]:
        """Everything stored but the ledger, each row checked."""
        try:
            database.prepare(self._database, self._path)
            files = [
                self._unless_ahead(rows.file_from(row, self._path))
                for row in self._database.execute("SELECT * FROM nvram")
            ]
            spent = [
                rows.spent_from(row, self._path)
                for row in self._database.execute("SELECT * FROM spent")
            ]
            for row in self._database.execute(
                "SELECT public_key, first, end, checksum FROM installed"
            ):
                rows.check(row, self._path)
            return files, spent, self._read_past()
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            raise StateCorrupt(f"{self._path}: {error}") from error

    def _unless_ahead(self, file: NvramFile) -> NvramFile:
        """The ledger is written in the same commit as the file: ahead of it, one of the two was
        tampered with.
        """
        highest = "SELECT MAX(leaf) FROM ledger WHERE name = ? AND leaf >= ? AND leaf < ?"
        [(leaf,)] = self._database.execute(
            highest, (file.name, file.lease.first, file.lease.end)
        ).fetchall()
        if leaf is not None and leaf >= file.next:
            raise StateCorrupt(
                f"{self._path}: the ledger has leaf {leaf} of {printed_name(file.name)}, which"
                f" stands at {file.next}"
            )
        return file

    def _read_past(self) -> Past:
        [row] = self._database.execute("SELECT * FROM opening").fetchall()
        return rows.past_from(row, self._path)

    def _write_past(self, past: Past) -> None:
        self._commit_all(statements.opened(past))

    def _rows(self, tokens: Sequence[bytes]) -> dict[bytes, LedgerRow]:
        if not tokens:
            return {}
        found = self._select(*statements.known(tokens))
        return {
            row.token: row for row in (rows.ledger_from(values, self._path) for _, *values in found)
        }

    def _select(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StateFailed(f"{self._path}: {error}") from error

    def _was_installed(self, lease: StoredLease) -> bool:
        overlap = "SELECT 1 FROM installed WHERE public_key = ? AND first < ? AND ? < end"
        return bool(self._select(overlap, (lease.public_key, lease.end, lease.first)))

    def _write_install(self, lease: StoredLease) -> None:
        self._commit_all(statements.installed(lease))

    def _write(self, changes: Changes) -> None:
        self._commit_all(statements.changed(changes), changes.ledger_before, late=changes.late)

    def _has_rows_before(self, before: int) -> bool:
        oldest = self._select("SELECT time FROM ledger ORDER BY number LIMIT 2", ())
        return len(oldest) == 2 and oldest[0][0] < before

    def _commit_all(
        self, changing: list[Statement], before: int = 0, *, late: bool = False
    ) -> None:
        """All statements in one transaction, each changing its rows; late, none if it was done.

        Rows of the ledger from before that time go, too.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for sql, values, count in changing:
                if self._database.execute(sql, values).rowcount != count and not late:
                    raise StateFailed(
                        f"{self._path}: the stored leaf is not before the one to be taken; somebody"
                        " else changed this file"
                    )
            if before:
                self._database.execute(statements.PRUNE, (before, AT_ONCE + 1))
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

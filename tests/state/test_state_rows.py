"""rows.py: what is read from the columns of the database is what was stored, or refused."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kit.leases import lease, name, take

from seemachine.state.errors import StateCorrupt
from seemachine.state.nvram import database, rows
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.records import NvramFile, SpentLease
from seemachine.state.witness.protocol import Mark, Past

PATH = Path("nvram.db")
ROW = LedgerRow(name(), 3, b"t" * 16, b"d" * 32, "client", 1_700_000_000_000, "")


def test_a_row_of_the_ledger() -> None:
    """With its checksum it is read; changed in any column it is not, and its leaf is named."""
    assert rows.ledger_from((*rows.ledger_columns(ROW), ROW.checksum), PATH) == ROW
    for changed in (
        ROW._replace(leaf=4),
        ROW._replace(token=b"u" * 16),
        ROW._replace(digest=b"e" * 32),
        ROW._replace(client="clienu"),
        ROW._replace(time=ROW.time + 1),
        ROW._replace(reason="why"),
    ):
        with pytest.raises(
            StateCorrupt, match=f"^nvram.db: the checksum of leaf {changed.leaf} in the ledger"
        ):
            rows.ledger_from((*rows.ledger_columns(changed), ROW.checksum), PATH)


def test_a_file() -> None:
    """A row whose name is another file's is refused, even with a checksum that fits."""
    file = NvramFile(lease(), 5)
    assert rows.file_from(rows.columns(file), PATH) == file
    values = (name(2), *rows.columns(file)[1:-1])
    with pytest.raises(StateCorrupt, match="a row holds the record of another file"):
        rows.file_from((*values, rows.checksum(values)), PATH)
    with pytest.raises(StateCorrupt, match="the checksum of a row does not fit"):
        rows.file_from((*rows.columns(file)[:-1], b"x" * rows.CHECKSUM_BYTES), PATH)


def test_a_used_up_lease() -> None:
    """Its row is checked as well."""
    spent = SpentLease(lease(), 7)
    columns = rows.spent_columns(spent)
    assert rows.spent_from(columns, PATH) == spent
    with pytest.raises(StateCorrupt, match="the checksum of a row does not fit"):
        rows.spent_from((*columns[:-2], 8, columns[-1]), PATH)


def test_an_opening() -> None:
    """Its row is checked as well: a later count would let an earlier NVRAM through."""
    values = rows.past_values(Past(Mark(b"i" * 16, 3, b"n" * 8), (2, b"m" * 8)))
    assert rows.past_from((*values, rows.checksum(values)), PATH).last.epoch == 3
    changed = (values[0], 4, *values[2:])
    with pytest.raises(StateCorrupt, match="the checksum of a row does not fit"):
        rows.past_from((*changed, rows.checksum(values)), PATH)


class Hasty:
    """A new database of a build of SQLite that flushes nothing unless it is told to."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database, self._path = database, path
        self.flushing: list[int] = []
        self.closed_as = ""
        database.execute("PRAGMA synchronous = off")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def executescript(self, script: str) -> None:
        """Note how it flushes what is made."""
        self.flushing += self._database.execute("PRAGMA synchronous").fetchone()
        self._database.executescript(script)

    def close(self) -> None:
        """Note what it is called by then."""
        self._database.close()
        [self.closed_as] = [path.name for path in self._path.parent.iterdir()]


def test_a_database_is_flushed_and_closed_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever SQLite does by itself."""
    made: list[Hasty] = []
    connect = database.connect

    def hasty(path: Path) -> Any:
        made.append(Hasty(connect(path), path))
        return made[-1]

    monkeypatch.setattr(database, "connect", hasty)
    database.create(tmp_path / "nvram.db")
    assert [(each.flushing, each.closed_as) for each in made] == [([database.FULL], "nvram.new")]


@pytest.mark.parametrize("put_back", [0, 1])
def test_a_file_that_the_ledger_is_ahead_of(tmp_path: Path, put_back: int) -> None:
    """Its row is whole, but one of an earlier time: by a single leaf, too."""
    store = SqliteStore(tmp_path)
    store.install(lease())
    take(store, [name(), name()])
    store.close()
    columns = rows.columns(NvramFile(lease(), put_back))
    with closing(sqlite3.connect(tmp_path / "nvram.db", isolation_level=None)) as changed:
        changed.execute("DELETE FROM nvram")
        marks = ", ".join("?" * len(columns))
        changed.execute(f"INSERT INTO nvram VALUES ({marks})", columns)
    with pytest.raises(StateCorrupt, match=f"the ledger has leaf 1 of .* stands at {put_back}$"):
        SqliteStore(tmp_path)

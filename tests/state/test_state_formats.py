"""Sizes in files that earlier versions wrote: another one, and nobody could read them any more."""

import sqlite3
from pathlib import Path

from kit.leases import lease, name, order
from kit.stores import ESN

from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.record_file import WitnessFile

ROW = LedgerRow(name(), 3, b"t" * 16, b"d" * 32, "client", 1_700_000_000_000, "")


def test_a_record_of_a_witness(tmp_path: Path) -> None:
    """A head of 1024 bytes, then notes of 64 bytes, and room for 64 more."""
    path = tmp_path / "record"
    file = WitnessFile(path, b"one boot")
    file.note(name(), 0, 3)
    file.renew({"opening": b"first"})
    file.close()
    data = path.read_bytes()

    assert len(data) == 1024 + 65 * 64
    assert data[1024:].startswith(name())


def test_a_row_of_the_ledger(tmp_path: Path) -> None:
    """A checksum of 8 bytes; other rows of the database have one of 16."""
    store = SqliteStore(tmp_path / ESN)
    store.install(lease())
    store.reserve([order(name())])
    store.close()
    database = sqlite3.connect(tmp_path / ESN / "nvram.db")
    [row] = database.execute("SELECT * FROM ledger").fetchall()
    [opened] = database.execute("SELECT * FROM opening").fetchall()
    database.close()

    assert len(ROW.checksum) == len(row[-1]) == 8
    assert len(opened[-1]) == 16

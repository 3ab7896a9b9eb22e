"""nvram_ledger: any row number may be asked for, and no clock keeps it from answering."""

import pytest
from kit.commands import ask, hash_key, sign

from seemachine.machine import Session
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.wire.messages import U64, ReadLedger

STORES = pytest.mark.parametrize("store", [MemoryStore, FileStore, SqliteStore])


@pytest.fixture
def session(world, tmp_path, store):
    """A connection to a machine with each store, which handed out two leaves."""
    made = store() if store is MemoryStore else store(tmp_path)
    session = Session(world.machine(store=made))
    key = hash_key(session)
    for _ in range(2):
        ask(session, sign(key.file))
    yield session
    made.close()


@STORES
@pytest.mark.parametrize("after", [2, 3, (1 << 63) - 1, 1 << 63, U64])
def test_behind_the_last_row_there_is_none(session, after):
    """A number above all rows gives an empty page, the largest of the wire too."""
    assert ask(session, ReadLedger(after=after, most=10)).entries == []


@STORES
def test_the_rows(session):
    """They are numbered from 1, and a page begins after the row that is named."""
    pages = [ask(session, ReadLedger(after=after, most=10)).entries for after in (0, 1)]

    assert [[entry.row for entry in page] for page in pages] == [[1, 2], [2]]


@STORES
def test_a_clock_before_1970(session):
    """It hinders no signature; the row says 1970."""
    session.machine.store._clock = lambda: -1.5
    ask(session, sign(session.machine.store.names()[0]))
    times = [entry.time for entry in ask(session, ReadLedger(after=0, most=10)).entries]

    assert [time == 0 for time in times] == [False, False, True]


@pytest.mark.parametrize("store", [MemoryStore, SqliteStore])
def test_a_row_of_before_1970(session, monkeypatch):
    """Earlier versions wrote such rows: the last time of the wire stands for one that it lacks."""
    monkeypatch.setattr(session.machine.store, "_now", lambda: -1)
    ask(session, sign(session.machine.store.names()[0]))
    times = [entry.time for entry in ask(session, ReadLedger(after=0, most=10)).entries]

    assert [time == U64 for time in times] == [False, False, True]

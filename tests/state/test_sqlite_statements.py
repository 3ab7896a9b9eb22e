"""Few statements for many rows: for each one sqlite3 gives Python's lock up."""

from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, order

from seemachine.state.errors import StateFailed
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.statements import MOST_ROWS, known
from seemachine.wire.messages import MAX_SIGNINGS


@pytest.mark.parametrize("count", [1, 2, 3, 31, MOST_ROWS - 1, MOST_ROWS, 100, MAX_SIGNINGS])
def test_rows_of_one_commit(tmp_path: Path, count: int) -> None:
    """Orders of any number get their leaves in a handful of statements; their rows are in order,
    each in one piece, and found again by their tokens.
    """
    store, executed = SqliteStore(tmp_path / "hsm"), list[str]()
    store.install(lease(end=512))
    orders = [order(name(), b"%016d" % number) for number in range(count)]
    store._database.set_trace_callback(executed.append)
    assert leaves(store.reserve(orders)) == list(range(count))
    store._database.set_trace_callback(None)
    inserts = [each for each in executed if each.startswith("INSERT")]
    assert len(inserts) == count // MOST_ROWS + (count % MOST_ROWS).bit_count()
    assert [(number, row.leaf, row.token) for number, row in store.ledger(0, 512)] == [
        (leaf + 1, leaf, each.token) for leaf, each in enumerate(orders)
    ]
    assert leaves(store.reserve(orders[::-1])) == list(reversed(range(count)))
    store.close()


def test_texts_of_few_sizes() -> None:
    """For any number of tokens one of nine texts asks for their rows, and for all of them."""
    asked = [known([b"%016d" % each for each in range(count)]) for count in range(1, 257)]
    assert len({sql for sql, _ in asked}) == 9
    assert all(sql.count("?") == len(values) for sql, values in asked)
    assert [len(set(values)) for _, values in asked] == list(range(1, 257))


def test_one_row_too_few_takes_no_leaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is there already, unseen by the look before, leaves all rows of a commit out."""
    store = SqliteStore(tmp_path / "hsm")
    store.install(lease(end=512))
    store.reserve([order(name(), b"0" * 16)])
    nothing: dict[bytes, LedgerRow] = {}
    monkeypatch.setattr(store, "_rows", lambda _tokens: nothing)
    orders = [order(name(), token * 16) for token in (b"1", b"0", b"2")]
    with pytest.raises(StateFailed, match="UNIQUE"):
        store.reserve(orders)
    assert store._select("SELECT COUNT(*) FROM ledger", ()) == [(1,)]
    store._database.close()

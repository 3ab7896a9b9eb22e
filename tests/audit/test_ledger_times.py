"""seemachine ledger: a row with a time that can't be is said to be wrong, the others are shown."""

from types import SimpleNamespace

import pytest
from audit.piles import key, row

from seemachine.cli import audit
from seemachine.cli.command import main
from seemachine.fleet import ledgers
from seemachine.wire.messages import LedgerEntry, LedgerPage
from seemachine.wire.status import StatusError

DIGEST = b"m" + bytes(32)
LAST = 253_402_300_799_999


@pytest.mark.parametrize(
    ("time", "printed"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000_999, "2023-11-14T22:13:20Z"),
        (LAST, "9999-12-31T23:59:59Z"),
        (LAST + 1, "WRONG TIME"),
        (-1, "WRONG TIME"),
        ((1 << 63) - 1, "WRONG TIME"),
        ((1 << 64) - 1, "WRONG TIME"),
    ],
)
def test_times(time, printed, monkeypatch, capsys, home):
    """The row stays in its place with all else that it says; that after it is printed, too."""
    rows = [row(key(), 0, DIGEST, 1, time=time), row(key(), 1, DIGEST, 2)]
    monkeypatch.setattr(audit, "_rows_of_fleet", lambda *_arguments: iter(rows))
    assert main(["ledger", "--home", str(home)]) == 0
    first, second = capsys.readouterr().out.splitlines()

    assert first[:44] == f"0000-0000-0001       1  {printed:<20}"
    assert second[:44] == "0000-0000-0001       2  1970-01-01T00:00:00Z"
    assert first[44:].replace("leaf 0", "leaf 1") == second[44:]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A world of this test's own."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path))
    return tmp_path


def entry(number):
    """A row as a machine sends it."""
    empty = {"file": bytes(11), "token": bytes(16), "digest": DIGEST, "client": "", "time": 1}
    return LedgerEntry(row=number, leaf=0, **empty)


@pytest.mark.parametrize("numbers", [[[1, 1]], [[2, 1]], [[1, 2], [2, 3]], [[1, 2], [1, 2]]])
def test_a_ledger_that_is_not_in_order(numbers, monkeypatch):
    """A machine that gives its rows again and again is refused, and not asked for ever."""
    monkeypatch.setattr(ledgers, "MAX_LEDGER_PAGE", 2)
    pages = (LedgerPage(entries=[entry(number) for number in page]) for page in numbers)
    peer = SimpleNamespace(esn="7852-268D-3BF9", greeting=SimpleNamespace(nvram=bytes(16)))
    fleet = SimpleNamespace(run=lambda story: answered(story, next(pages)))

    with pytest.raises(StatusError, match="the ledger of 7852-268D-3BF9 is not in order"):
        list(ledgers.rows_of(fleet, peer))


def answered(story, page):
    """Play a story that asks once."""
    next(story)
    try:
        story.send(page)
    except StopIteration as end:
        return end.value
    raise AssertionError("it asked twice")

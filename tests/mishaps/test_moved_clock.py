"""A machine's clock that is moved: its ledger, what it keeps for a time, and its log."""

import json
import time
from pathlib import Path

import pytest
from kit.mishaps import Bench

from seemachine.faults import Injector
from seemachine.mishaps import moved
from seemachine.server.json_log import JsonLog
from seemachine.server.terminal_log import TerminalLog

DAY = 86_400


@pytest.fixture(params=["sqlite", "file", "memory"])
def store(request: pytest.FixtureRequest) -> str:
    """Each kind of store."""
    return str(request.param)


def test_the_ledger_has_the_moved_time(tmp_path: Path, store: str) -> None:
    """Ahead or back; cleared, it is right again. The rows are in the order of the leaves."""
    bench = Bench(tmp_path, store)
    file = bench.singular()
    for seconds in (10 * DAY, -10 * DAY, 0):
        bench.faults.clear()
        if seconds:
            bench.faults.add(f"clock-moved seconds={seconds}")
        bench.sign(file)
    rows = [row for _, row in bench.held.machine.store.ledger(0, 10)]
    assert [row.leaf for row in rows] == [0, 1, 2]
    ahead = [round((row.time / 1000 - time.time()) / DAY) for row in rows]
    assert ahead == [10, -10, 0]
    bench.close()


def test_what_is_kept_for_a_time_goes_early(tmp_path: Path, store: str) -> None:
    """A used-up lease answers its last orders again until the clock passes `retry_seconds`."""
    bench = Bench(tmp_path, store, retry_seconds=3600)
    file, token = bench.singular(), b"t" * 16
    for _ in range(31):
        bench.sign(file)
    assert bench.sign(file, token, b"last") == 31
    assert bench.sign(file, token, b"last") == 31
    bench.faults.add("clock-moved seconds=4000")
    bench.held.machine.store.tidy()
    bench.faults.clear()
    assert str(bench.sign(file, token, b"last")).startswith("UseLimitExceeded: leaf 31 ")
    bench.check()
    bench.close()


def test_the_ledger_forgets_by_the_moved_clock_and_no_leaf_comes_back(
    tmp_path: Path, store: str
) -> None:
    """Rows from before `ledger_days` go, and the leaves that they named stay used, after a start
    too.
    """
    bench = Bench(tmp_path, store, ledger_days=1)
    file = bench.singular()
    assert [bench.sign(file) for _ in range(3)] == [0, 1, 2]
    bench.faults.add(f"clock-moved seconds={2 * DAY}")
    assert bench.sign(file) == 3
    while bench.held.machine.store.tidy():
        pass
    kept = [row.leaf for _, row in bench.held.machine.store.ledger(0, 10)]
    assert 0 not in kept or store == "memory"
    assert kept[-1] == 3
    bench.held.restart()
    assert bench.sign(file) == 4
    bench.close()


def test_the_log_has_the_moved_time() -> None:
    """Of this machine alone: the log that it was made from keeps its time."""
    faults, lines = Injector(), []
    log = JsonLog(lines.append)
    ours = log.by(moved(faults)).bind(esn="7852")
    faults.add(f"clock-moved seconds={-DAY}")
    ours.info("one")
    log.info("two")
    stamps = [json.loads(line)["timestamp"][:10] for line in lines]
    today, before = (
        time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * DAY)) for days in (0, 1)
    )
    assert stamps == [before, today]
    told: list[str] = []
    TerminalLog(told.append, False).by(lambda: 3600.0).info("one")
    assert told[0].startswith(time.strftime("%H:", time.localtime(time.time() + 3600)))

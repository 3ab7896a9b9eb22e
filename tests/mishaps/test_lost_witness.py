"""A witness that is lost on demand: a folder's, and one in a database."""

from pathlib import Path

import pytest
from kit.mishaps import Bench

from seemachine.state.errors import StateFailed
from seemachine.wire import messages as m

NEVER_SEEN = "its witness has never seen it: it was copied or put back, or the witness was lost"


@pytest.fixture(params=["sqlite", "file"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """A machine with an NVRAM that outlives it."""
    return Bench(tmp_path, request.param)


def test_a_folder_that_is_lost_is_told_of_and_signing_goes_on(bench: Bench) -> None:
    """It follows what was signed, and is asked for nothing before."""
    file, store = bench.singular(), bench.held.machine.store
    bench.faults.add("witness-lost times=2")
    for leaf in range(2):
        assert bench.sign(file) == leaf
        with pytest.raises(
            StateFailed, match=r"the witness could not be written: .*/witness: Input"
        ):
            store.beat()
    assert store.beat() == ""
    bench.check()
    bench.close()


def test_a_start_without_the_witness_puts_all_into_quarantine(bench: Bench) -> None:
    """Nothing is signed until somebody decides; what was lost is not one leaf."""
    file = bench.singular()
    assert bench.sign(file) == 0
    bench.faults.add("witness-lost")
    bench.held.restart()
    refused = str(bench.sign(file))
    assert refused.startswith("AccessDenied: ")
    assert NEVER_SEEN in refused
    bench.faults.clear()
    bench.held.restart()
    assert NEVER_SEEN in str(bench.sign(file))
    [suspect] = bench.ask(m.ListQuarantine(after=0)).suspects
    bench.ask(m.SkipQuarantined(file=suspect.file, leaf=suspect.next + 1))
    assert bench.sign(file) == 2
    bench.check()
    bench.close()


def test_the_first_start_of_a_machine_has_no_doubt(tmp_path: Path) -> None:
    """Of an NVRAM that is new, no witness can know."""
    bench = Bench(tmp_path, "sqlite", "witness-lost")
    assert bench.sign(bench.singular()) == 0
    bench.close()

"""NVRAM and disks that are full on demand."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.commands import generate
from kit.faults import Disk
from kit.leases import lease, order
from kit.mishaps import Bench
from kit.stores import KINDS

from seemachine.commands import answer
from seemachine.faults import Injector
from seemachine.mishaps import open_nvram
from seemachine.state.errors import DiskFull, FileExists
from seemachine.state.nvram import arrivals
from seemachine.state.nvram.store import KEEP
from seemachine.state.nvram.stores import STORES
from seemachine.state.witness.absent import NoWitness
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

DURABLE = [kind.name for kind in KINDS if kind.durable]


@pytest.fixture(params=[kind.name for kind in KINDS])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A machine of each kind of store."""
    made = Bench(tmp_path, request.param)
    yield made
    made.check()
    made.close()


def test_a_full_disk_loses_the_leaf_and_nothing_else(bench: Bench) -> None:
    """As in the middle of any write: memory knows that it is gone, and with room all goes on."""
    file = bench.singular()
    assert bench.sign(file) == 0
    bench.faults.add("disk-full times=3")
    refused = [bench.sign(file) for _ in range(3)]
    assert all(str(each).startswith("OSErrorErrno: ") for each in refused)
    # The first took a leaf; the others found no room for it, and took none.
    assert [bench.sign(file), bench.sign(file)] == [2, 3]


@pytest.mark.parametrize("store", DURABLE)
def test_what_a_full_disk_did_not_take_is_gone_after_a_start(tmp_path: Path, store: str) -> None:
    """Also when there was no other request in between, on a copy as a power cut leaves it."""
    bench = Bench(tmp_path / "world", store)
    file = bench.singular()
    bench.faults.add("disk-full times=1")
    bench.sign(file)
    assert bench.sign(file) == 1
    bench.close()
    again = Bench(tmp_path / "world", store)
    assert again.sign(file) == 2
    again.close()


@pytest.mark.parametrize("store", DURABLE)
def test_a_full_disk_says_what_a_real_one_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    """The very error, with the very words."""
    folder = tmp_path / store
    faults, said = Injector(), []
    made = open_nvram(STORES[store], faults, folder, NoWitness(), KEEP)
    made.install(lease())
    faults.add("disk-full times=1")
    with pytest.raises(DiskFull) as injected:
        made.reserve([order(lease().name)])
    made.close()
    shutil.rmtree(folder)
    disk = Disk(next(kind for kind in KINDS if kind.name == store), folder, monkeypatch)
    real = disk.open()
    real.install(lease())
    said.append(str(disk.fail(lambda: real.reserve([order(lease().name)]), full=True)))
    real.close()
    assert [str(injected.value)] == said


def test_a_full_disk_at_a_lease_that_comes_in_loses_that_lease(bench: Bench) -> None:
    """It left its card and is in no NVRAM; the next one comes."""
    bench.card(leases=4)
    # The card's own write is the first.
    bench.faults.add("disk-full after=1 times=1")
    assert str(bench.provision()).startswith("OSErrorErrno: ")
    arrived = bench.provision()
    assert isinstance(arrived, m.LmsProvisioned)
    assert (arrived.first, arrived.leases) == (8, 2)


def test_a_full_nvram_takes_no_lease(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused while it is still on its card, with the words of a real one."""
    bench.card(leases=2)
    bench.faults.add("nvram-full")
    injected = bench.provision()
    assert injected == (
        f"ObjectInUse: the NVRAM is full: it holds {arrivals.MAX_FILES} files in"
        " command_see_provisionLMS"
    )
    bench.faults.clear()
    monkeypatch.setattr(arrivals, "MAX_FILES", 0)
    real = str(bench.provision()).replace("holds 0", f"holds {4096}")
    assert injected == real
    monkeypatch.undo()
    arrived = bench.provision()
    assert isinstance(arrived, m.LmsProvisioned)
    assert (arrived.first, arrived.leases) == (0, 1)


def test_nvram_that_fills_up_while_a_card_is_written(bench: Bench) -> None:
    """The lease is off its card by then, and lost."""
    bench.card(leases=2)
    bench.faults.add("nvram-full after=1 times=1")
    assert str(bench.provision()).startswith("ObjectInUse: the NVRAM is full")
    arrived = bench.provision()
    assert isinstance(arrived, m.LmsProvisioned)
    assert (arrived.first, arrived.leases) == (16, 0)


def test_a_full_nvram_serves_what_it_has(bench: Bench) -> None:
    """Signatures need no room for another file; a key that is full already says so first."""
    file = bench.singular()
    bench.faults.add("nvram-full")
    assert bench.sign(file) == 0
    held = bench.held.machine.store.get(file)
    assert held is not None
    with pytest.raises(FileExists, match="still holds 31 signatures"):
        bench.held.machine.store.install(held.lease)


@pytest.mark.parametrize("store", DURABLE)
def test_a_half_made_key_on_a_full_disk_goes_on(tmp_path: Path, store: str) -> None:
    """The step is done again once there is room, and the key is whole."""
    bench = Bench(tmp_path, store)
    session = bench.session()
    started = answer(session, generate(expchunk=4, label="release"))
    assert isinstance(started, m.LmsStarted)
    step = m.ContinueLms(handle=started.handle)
    bench.faults.add("disk-full times=1")
    refused = answer(session, step)
    assert isinstance(refused, StatusError)
    assert refused.status is Status.OSErrorErrno
    assert "[Errno 28] No space left on device: '" in refused.detail
    chunks = [answer(session, step) for _ in range(started.remaining)]
    assert isinstance(chunks[-1], m.LmsChunk)
    assert chunks[-1].public_key is not None
    bench.close()


def test_an_opening_meets_nothing(tmp_path: Path) -> None:
    """A machine comes up whatever is injected, so that the faults can be cleared."""
    for store in DURABLE:
        bench = Bench(tmp_path / store, store, "disk-full", "nvram-full")
        assert bench.held.machine.store.epoch == 1
        bench.close()


@pytest.mark.parametrize("store", DURABLE)
def test_an_opening_in_doubt_meets_nothing(tmp_path: Path, store: str) -> None:
    """Nor does what it writes down of the doubt: the machine comes up, all in quarantine."""
    bench = Bench(tmp_path, store)
    file = bench.singular()
    for fault in ("witness-lost", "disk-full"):
        bench.faults.add(fault)
    bench.held.restart()
    assert "is in quarantine" in str(bench.sign(file))
    bench.close()


def test_what_came_again_after_a_full_disk_is_the_same(bench: Bench) -> None:
    """A client that was refused asks under the same token, and gets one leaf for it at last."""
    file, token = bench.singular(), b"t" * 16
    bench.faults.add("disk-full times=2")
    assert str(bench.sign(file, token, b"one")).startswith("OSErrorErrno: ")
    assert str(bench.sign(file, token, b"one")).startswith("OSErrorErrno: ")
    first = bench.sign(file, token, b"one")
    assert bench.sign(file, token, b"one") == first
    assert str(bench.sign(file, token, b"two")).startswith("ObjectInUse: ")

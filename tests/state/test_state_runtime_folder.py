"""The files of the runtime witness that come and go, and a copy and its original that are up at
once.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, take
from kit.stores import ESN, Kind
from state.bench import gives_nothing

from seemachine.state.errors import StateOtherVersion
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness import runtime_folder
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.layered import LayeredWitness
from seemachine.state.witness.runtime import RuntimeWitness

STORES = {"sqlite": SqliteStore, "file": FileStore}
Start = Callable[[Path], MirroredStore]


@pytest.fixture
def start(durable_kind: Kind, tmp_path: Path) -> Iterator[Start]:
    """Starts a machine of a world; all worlds of the test are on one host."""
    stores: list[MirroredStore] = []

    def started(world: Path) -> MirroredStore:
        runtime = RuntimeWitness(tmp_path / "runtime")
        witness = LayeredWitness(FolderWitness(world / "witness", ESN), runtime)
        stores.append(STORES[durable_kind.name](world / ESN, witness))
        return stores[-1]

    yield started
    for store in stores:
        store.close()


def end(store: MirroredStore) -> None:
    """End a machine in order, as one does that has no half-made keys."""
    store.end_doubt()
    store.close()


def test_a_copy_that_a_person_let_go_on_runs_beside_its_original(
    start: Start, tmp_path: Path
) -> None:
    """Whichever of the two was started first: neither is in doubt for the other."""
    world, copy = tmp_path / "world", tmp_path / "copy"
    first = start(world)
    first.install(lease())
    end(first)
    shutil.copytree(world, copy)
    doubtful = start(copy)
    assert gives_nothing(doubtful, 1)
    doubtful.skip(name(), 10)
    end(doubtful)

    original, beside = start(world), start(copy)
    assert (original.doubt, beside.doubt) == ("", "")
    assert leaves(take(beside, [name()])) == [10]
    end(original)
    again = start(world)
    assert again.doubt == ""


def test_a_file_is_held_by_one_process(tmp_path: Path) -> None:
    """Two that claim a lease at once come one after the other."""
    path = tmp_path / "lease"
    with runtime_folder.held_file(path), path.open() as another, pytest.raises(BlockingIOError):
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.open() as another:
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_file_that_another_machine_forgot_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines make room at once: neither fails for what is gone already."""
    listed = os.listdir
    for each in ("a.record", "b.record", "c.tips"):
        (tmp_path / each).touch()

    def forgotten_by_another(folder: Path) -> list[str]:
        found = sorted(listed(folder))
        (folder / found[0]).unlink()
        return found

    monkeypatch.setattr(runtime_folder, "MOST_FILES", 2)
    monkeypatch.setattr(os, "listdir", forgotten_by_another)
    runtime_folder.forget_oldest(tmp_path, ".record")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.record", "c.tips"]


def test_room_is_made_for_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full folder is sorted by age once in a while, not for each file that comes."""
    monkeypatch.setattr(runtime_folder, "MOST_FILES", 32)
    for number in range(32):
        path = tmp_path / f"{number}.record"
        path.touch()
        os.utime(path, (number, number))
    runtime_folder.forget_oldest(tmp_path, ".record")
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.record" for n in range(2, 32)}
    runtime_folder.forget_oldest(tmp_path, ".record")
    assert len(list(tmp_path.iterdir())) == 30


def test_a_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    """Whoever wrote it reads its files otherwise."""
    RuntimeWitness(tmp_path / "runtime")
    (tmp_path / "runtime" / "version").write_text("runtime witness 999\n")
    with pytest.raises(StateOtherVersion, match="runtime witness 999"):
        RuntimeWitness(tmp_path / "runtime")

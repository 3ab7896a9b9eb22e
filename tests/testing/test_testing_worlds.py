"""Worlds of a test's fleets: side by side, kept, put back, destroyed."""

import contextlib
import shutil

import pytest
from seeclient import Status, StatusError

from seemachine import testing
from seemachine.state.errors import StateError
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.runtime import RuntimeWitness


@pytest.mark.parametrize("store", ["sqlite", "file", "memory"])
def test_a_world_that_a_test_destroys(store):
    """With the machines up: they end all the same, and other fleets go on."""
    with testing.fleet(store=store) as other, testing.fleet(store=store) as fleet:
        fleet.generate_lms("release", **testing.QUICK)
        shutil.rmtree(fleet.folder)
        with contextlib.suppress(StatusError):
            fleet.key("release").sign(b"firmware")
        fleet.stop()
        other.generate_lms("release", **testing.QUICK).sign(b"firmware")
    with testing.fleet(store=store, folder=other.folder) as again:
        shutil.rmtree(again.folder)
    assert not other.folder.exists()


def test_two_fleets_in_one_process_never_meet():
    """Each has its own keys, though their machines have the same ESNs and one loop."""
    with testing.fleet() as one, testing.fleet() as other:
        one.generate_lms("release", **testing.QUICK)
        with pytest.raises(StatusError) as refused:
            other.key("release")
        assert refused.value.status is Status.UnknownID
        assert one.folder != other.folder


def test_a_folder_that_stays(tmp_path):
    """A world of the caller's is not removed, and another fleet goes on in it."""
    with testing.fleet(folder=tmp_path) as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"one")
    with testing.fleet(folder=tmp_path) as fleet:
        assert fleet.key("release").sign_with(b"two").leaf == 1


def test_a_world_that_was_there_before(tmp_path):
    """What is put back, file by file in place, makes no key a second time."""
    world, kept = tmp_path / "world", tmp_path / "kept"
    with testing.fleet(seed=7, folder=world):
        pass
    shutil.copytree(world, kept)
    with testing.fleet(folder=world) as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"one")
    _put_back(kept, world)
    with testing.fleet(folder=world) as fleet, pytest.raises(StatusError) as refused:
        fleet.generate_lms("release", **testing.QUICK)
    assert "is a copy, or was put back" in refused.value.detail


def test_the_host_remembers_a_world_that_stays(tmp_path):
    """In its runtime witness, of which a new one has no need."""
    for witness in (NoWitness, RuntimeWitness):
        with testing.fleet(folder=tmp_path) as fleet:
            machine = fleet.bench.hosting.places[testing.ESN].machine
            assert type(machine.store._witness._layers[-1]) is witness


def _put_back(kept, world):
    for path in sorted(world.rglob("*"), reverse=True):
        if not (kept / path.relative_to(world)).exists():
            path.rmdir() if path.is_dir() else path.unlink()
    for path in kept.rglob("*"):
        if path.is_file():
            (world / path.relative_to(kept)).write_bytes(path.read_bytes())


def test_machines_of_a_world_that_is_served(tmp_path):
    """Who is refused the world has changed nothing of the machine that serves it."""
    with testing.fleet(folder=tmp_path):
        told = tmp_path / "hsm" / testing.ESN / "settings.toml"
        told.touch(0o600)
        with (
            pytest.raises(StateError, match="is already in use"),
            testing.fleet(folder=tmp_path, processes=True),
        ):
            pass
        assert not told.read_text()

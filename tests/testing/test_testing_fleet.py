"""testing.fleet: machines that are there for a block, and then were never there."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kit.waiting import eventually
from seeclient import FleetClosed, Status, StatusError

from seemachine import testing
from seemachine.config import ConfigError

# Once for all: it stays for as long as its process.
LOOP = "seemachine.testing"


def descriptors():
    """What this process has open."""
    found = (path for path in Path("/proc/self/fd").iterdir() if path.exists())
    return {str(path.readlink()) for path in found}


def test_a_key_signs_on_machines_that_nobody_started():
    """The guide's two machines are up within the block, and are what a client needs."""
    with testing.fleet(machines=2) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        key.verify(b"firmware", key.sign(b"firmware"))

        assert [(view.esn, view.model) for view in fleet.machines()] == [
            (testing.ESN, "5c"),
            (testing.OTHER_ESN, "xc"),
        ]
        assert fleet.esns == [testing.ESN, testing.OTHER_ESN]


def test_nothing_is_left():
    """After the block there is no folder, no port, no descriptor, and no thread but the loop's."""
    with testing.fleet():
        pass
    before, threads = descriptors(), set(threading.enumerate())
    with testing.fleet(machines=2) as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"firmware")
        folder = fleet.folder
        assert folder.is_dir()
        assert set(threading.enumerate()) == threads

    assert not folder.parent.exists()
    assert descriptors() <= before
    assert [thread.name for thread in threads].count(LOOP) == 1


def test_an_error_of_the_block_comes_out_as_it_is():
    """The machines go all the same."""
    wrong = AssertionError("wrong")
    with pytest.raises(AssertionError) as raised, testing.fleet() as fleet:
        raise wrong
    assert raised.value is wrong
    assert not fleet.folder.exists()
    with pytest.raises(FleetClosed):
        fleet.machines()


def test_a_machine_goes_on_after_its_leaves():
    """Stopped and started again it is found by who was connected, on the same port, and signs with
    the next leaf.
    """
    with testing.fleet(machines=2) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, esn=testing.OTHER_ESN)
        key.sign(b"one")
        fleet.stop(2)
        with pytest.raises(StatusError) as refused:
            key.sign(b"two")
        assert refused.value.status is Status.OSErrorErrno
        assert set(fleet.hosted) == {testing.ESN}
        fleet.start(testing.OTHER_ESN)

        assert key.sign_with(b"two").leaf == 1
        ready = [event for event in fleet.log if event["event"] == "ready"]
        assert len({event["port"] for event in ready if event["esn"] == testing.OTHER_ESN}) == 1
        assert len(ready) == 3


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


def test_the_log_has_what_was_answered():
    """Also the very last request."""
    with testing.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        for leaf in range(20):
            key.sign(b"firmware")
            assert fleet.log[-1]["leaf"] == leaf


def test_a_seed_makes_the_same_keys():
    """Each fleet of a seed has the same key and signature; without one no two have."""

    def made(seed):
        with testing.fleet(seed=seed) as fleet:
            key = fleet.generate_lms("release", **testing.QUICK)
            return key.file.public_key, key.sign(b"firmware")

    assert made(7) == made("7")
    assert made(8) != made(7)
    assert made(None) != made(None)


def test_programs_find_the_machines():
    """In `fleet.env` a program acts on this world, whatever the environment says otherwise."""
    with pytest.MonkeyPatch.context() as patch, testing.fleet() as fleet:
        patch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
        fleet.generate_lms("release", **testing.QUICK)
        done = subprocess.run(
            [sys.executable, "-m", "seeclient", "list"],
            env=fleet.env,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "release" in done.stdout


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fleet_that_is_never_closed():
    """Collected it is closed, and Python warns of its sockets; else it is when its process ends."""
    fleet = testing.fleet().__enter__()
    folder = fleet.folder
    del fleet
    gc.collect()
    assert eventually(lambda: not folder.parent.exists())

    code = "from seemachine import testing; f = testing.fleet().__enter__(); print(f.folder)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stderr, Path(done.stdout.strip()).parent.exists()) == ("", False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"machines": 0}, "machines takes a number from 1 to 10000, not 0"),
        ({"machines": 100_000}, "machines takes a number from 1 to 10000, not 100000"),
        ({"model": "9c"}, "model takes one of 5c, xc, not '9c'"),
        ({"stroe": "file"}, "unknown setting stroe; known are"),
        ({"esn": testing.ESN}, "esn is not to be set here: each machine of a fleet has its own"),
    ],
)
def test_what_is_mistyped_is_refused_by_name(given, sentence):
    """Before anything is started, and nothing is left of it."""
    with pytest.raises(ConfigError) as refused, testing.fleet(**given):
        pass
    assert sentence in str(refused.value)


def test_a_machine_that_there_is_not():
    """It is named, with those that there are."""
    with testing.fleet() as fleet, pytest.raises(ConfigError) as refused:
        fleet.stop(2)
    assert str(refused.value) == (
        f"there is no machine 2 in this fleet; there are 1 ({testing.ESN})"
    )


def test_machines_in_processes_of_their_own():
    """They end with the block, and speak in its log; one that is killed can be started again."""
    with testing.fleet(processes=True) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        key.sign(b"one")
        fleet.restart()
        assert key.sign_with(b"two").leaf == 1
        assert fleet.hosted == {}
    assert [event["event"] for event in fleet.log].count("stopped") == 2
    assert not fleet.folder.exists()

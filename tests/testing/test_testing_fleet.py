"""testing.fleet: machines that are there for a block, and then were never there."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from kit.waiting import eventually
from seeclient import FleetClosed, Status, StatusError

from seemachine import testing


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


def test_an_error_of_the_block_comes_out_as_it_is():
    """The machines go all the same."""
    wrong = AssertionError("wrong")
    with pytest.raises(AssertionError) as raised, testing.fleet() as fleet:
        raise wrong
    assert raised.value is wrong
    assert not fleet.folder.exists()
    with pytest.raises(FleetClosed) as closed:
        fleet.machines()
    assert closed.value.detail == (
        "the block or the test of this fleet has ended: make another with testing.fleet()"
    )


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
        assert refused.value.detail.endswith(
            ": Connection refused; the test stopped machine 2; start it with: fleet.start(2)"
        )
        assert set(fleet.hosted) == {testing.ESN}
        fleet.start(testing.OTHER_ESN)

        assert key.sign_with(b"two").leaf == 1
        ready = [event for event in fleet.log if event["event"] == "ready"]
        assert len({event["port"] for event in ready if event["esn"] == testing.OTHER_ESN}) == 1
        assert len(ready) == 3


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

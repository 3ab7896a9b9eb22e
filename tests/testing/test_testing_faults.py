"""What goes wrong on purpose in a test's fleet: from its beginning, or from now on."""

import time

import pytest
import trio
from seeclient import Status, StatusError

from seemachine import testing


@pytest.fixture
def fleet():
    """Two machines, and a key on the first."""
    with testing.fleet(machines=2) as fleet:
        fleet.generate_lms("release", **testing.QUICK, esn=testing.ESN)
        yield fleet


def test_a_lost_reply_costs_no_leaf(fleet):
    """The client asks again, and gets the signature of the first leaf."""
    fleet.faults.add("drop-after on=signing times=1", machine=1)
    key = fleet.key("release")
    assert key.sign_with(b"firmware").leaf == 0
    [fault] = fleet.faults.listing()
    assert (fault.fault, fault.met, fault.fired, fault.spent) == (
        "drop-after on=signing times=1",
        1,
        1,
        True,
    )
    assert fleet.faults.listing(2) == []
    assert "fault injected" in [event["event"] for event in fleet.log]
    testing.no_leaf_twice(fleet)


def test_faults_are_cleared(fleet):
    """A refusal of all machines lasts until then."""
    fleet.faults.add("refuse on=nvmemfile_sign status=AccessDenied")
    assert [len(fleet.faults.listing(number)) for number in (1, 2)] == [1, 1]
    with pytest.raises(StatusError) as refused:
        fleet.key("release").sign(b"firmware")
    assert refused.value.status is Status.AccessDenied
    fleet.faults.clear()
    fleet.key("release").sign(b"firmware")


def test_a_wrong_fault_is_refused_before_any_machine_has_it(fleet):
    """By name; so is one that the fleet was to begin with, and one for a machine that is down."""
    with pytest.raises(testing.FaultError, match="drop-aftr"):
        fleet.faults.add("drop-aftr")
    with pytest.raises(testing.ConfigError, match="drop-aftr"), testing.fleet(faults=["drop-aftr"]):
        pass
    fleet.stop(2)
    with pytest.raises(StatusError, match="is down"):
        fleet.faults.add("drop-after", machine=2)
    fleet.faults.add("drop-after times=1")


def test_a_machine_that_is_started_again_has_the_faults_of_its_beginning():
    """Those that were added are gone with its process."""
    with testing.fleet(faults=["delay seconds=0 on=nvmemfile_sign"]) as fleet:
        fleet.faults.add("drop-after")
        assert len(fleet.faults.listing()) == 2
        fleet.restart()
        assert [each.fault for each in fleet.faults.listing()] == [
            "delay on=nvmemfile_sign seconds=0"
        ]


@pytest.mark.parametrize("store", ["sqlite", "memory"])
async def test_a_restart_within_a_request(store):
    """Who comes back meanwhile waits for the machine, in a loop as at a port."""
    async with testing.fleet(store=store, faults=["restart on=nvmemfile_sign"]) as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        signed = await key.sign_with(b"firmware")
        assert signed.leaf in (0, 1)
        testing.no_leaf_twice(fleet, signatures=[(b"firmware", signed.signature)])


async def test_a_slow_model(autojump_clock):
    """A signature takes as long as on a 5c, in part by the clock of the test alone."""
    async with testing.fleet(latency="5c") as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        began, really_began = trio.current_time(), time.monotonic()
        await key.sign(b"firmware")
        jumped, took = trio.current_time() - began, time.monotonic() - really_began
        assert jumped + took >= 0.018

"""An LMS key whose helper died in the middle: the question comes again, with what was noted."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from seeclient.bridge import operations
from seeclient.bridge.errand import Errand
from seeclient.bridge.fleets import Fleets
from seeclient.bridge.frames import Field, Request
from seeclient.events import ChunkDone, Event

from seemachine import testing
from seemachine.testing import ESN, Rig
from seemachine.wire.status import Status, StatusError

QUICK = b"lms:sha256_m24_h5:sha256_n24_w2"
OTHER = b"lms:sha256_m24_h5:sha256_n24_w4"


class Died(Exception):
    """The helper has ended."""


@pytest.fixture(autouse=True)
def machine() -> None:
    """None in a process."""


@pytest.fixture
def environ() -> None:
    """None of a process."""


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """One machine, which keeps what is half made."""
    made = Rig(tmp_path)
    made.start(store="file")
    return made


@pytest.fixture
def fleets(rig: Rig) -> Fleets:
    """Of that machine."""
    return Fleets(lambda: rig.environment, rig.connect)


def generate(
    fleets: Fleets, note: str, send: Callable[[str], None], algorithm: bytes = QUICK
) -> Sequence[Field]:
    """The fields of the reply; the connection of who dies ends. Raises StatusError, Died."""
    helper = Errand(fleets, note, send)
    try:
        return helper.run(
            operations.found(Request(1, "generate", b"", (b"new", algorithm, b"", bytes(8))))
        )
    finally:
        helper.close()


def break_off(rig: Rig) -> None:
    """A half-made key of QUICK."""

    def die(event: Event) -> None:
        if isinstance(event, ChunkDone):
            raise Died

    with pytest.raises(Died), rig.fleet() as fleet:
        fleet.generate_lms("new", **testing.QUICK, expchunk=3, progress=die)


def test_a_key_that_was_begun_is_finished(rig: Rig, fleets: Fleets) -> None:
    """On the machine that was noted when it began, where a new one would be refused."""
    notes: list[str] = []
    break_off(rig)
    with pytest.raises(StatusError) as refused:
        generate(fleets, "", notes.append)
    assert refused.value.status is Status.ObjectInUse
    assert generate(fleets, ESN, notes.append)[0] == "new"
    assert fleets.keys.load("new").name


def test_a_key_that_took_its_place_is_not_given(rig: Rig, fleets: Fleets) -> None:
    """Of other parameters: another client replaced what was begun."""
    break_off(rig)
    with pytest.raises(StatusError) as refused:
        generate(fleets, ESN, lambda _note: None, OTHER)
    assert (refused.value.status, "replaced" in str(refused.value)) == (Status.ObjectInUse, True)


def test_a_key_that_was_finished_is_given(fleets: Fleets) -> None:
    """Only the reply was lost. A key of other parameters, and one that nobody asked for, is not."""
    notes: list[str] = []
    made = generate(fleets, "", notes.append)
    assert notes == [ESN]
    assert generate(fleets, ESN, notes.append) == made
    for note, algorithm in ((ESN, OTHER), ("", QUICK)):
        with pytest.raises(StatusError) as refused:
            generate(fleets, note, notes.append, algorithm)
        assert refused.value.status is Status.ObjectInUse


def test_what_was_given_up_is_begun_anew(fleets: Fleets) -> None:
    """The machine has nothing of it, and neither has this host."""
    notes: list[str] = []
    assert generate(fleets, ESN, notes.append)[0] == "new"
    assert notes == [ESN]


def test_a_machine_that_is_gone_is_not_replaced(fleets: Fleets) -> None:
    """It may have the key half made: another machine makes no second one."""
    with pytest.raises(StatusError) as refused:
        generate(fleets, "0000-0000-0000", lambda _note: None)
    assert refused.value.status is Status.UnknownID
    assert not fleets.keys.has("new")

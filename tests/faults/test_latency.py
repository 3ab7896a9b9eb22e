"""How slow a machine is."""

from functools import partial

import pytest
from kit.interleaving import TellingLock, everywhere

from seemachine.faults import FaultError, Injector, Plan, latency, latency_of
from seemachine.faults.latency import PROFILES, Latency, Pace
from seemachine.wire.messages import (
    ContinueLms,
    LmsChunk,
    NvmemfileSign,
    NvmemfileSigned,
    NvmemfileSignedMany,
    NvmemfileSignMany,
)
from seemachine.wire.status import Status, StatusError

SIGN = NvmemfileSign(file=bytes(11), token=bytes(16), message=b"m")
SIGNED = NvmemfileSigned(signature=b"s", leaf=0, remaining=1)
STEP = ContinueLms(handle=bytes(16))
CHUNK = LmsChunk(remaining=1, cache=b"", cards=0)
CLOSED = LmsChunk(remaining=0, cache=b"", cards=0, public_key=bytes(56))
CARDS_NEXT = LmsChunk(remaining=0, cache=b"", cards=1, public_key=bytes(56))


def test_the_guides_profiles() -> None:
    """0.20 and 0.25 seconds a chunk, 20 ms a signature."""
    assert round(PROFILES["5c"].chunk, 2) == 0.2
    assert round(PROFILES["xc"].chunk, 2) == 0.25
    assert {each.signature for each in PROFILES.values()} == {0.02}


def test_words_and_profiles() -> None:
    """A profile, words, or a profile that words change; the text says it again."""
    assert latency_of("") == Latency()
    assert latency_of("5c") is not PROFILES["5c"]
    assert latency_of("5c") == PROFILES["5c"]
    assert latency_of("chunk=0.2,signature=0.02") == Latency(
        "chunk=0.2,signature=0.02", chunk=0.2, signature=0.02
    )
    assert latency_of("model", "xc") == PROFILES["xc"]
    slow = latency_of("xc,signature=1")
    assert (slow.chunk, slow.signature) == (PROFILES["xc"].chunk, 1.0)
    assert latency_of(slow.text) == slow


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5C", "there is no profile '5C'; known are 5c, xc, model"),
        ("6x", "known are 5c, xc, model, or words such as chunk=0.2,signature=0.02"),
        ("signatur=1", "did you mean signature?"),
        ("chunk=", "chunk= takes seconds from 0 to 60"),
        ("chunk=nan", "chunk= takes seconds from 0 to 60"),
        ("chunk=61", "chunk= takes seconds from 0 to 60"),
        ("5c,", "there is no work ''"),
        ("5c,xc", "there is no work 'xc'"),
        ("chunk=1,chunk=1", "says something twice"),
    ],
)
def test_what_is_wrong_is_refused(text: str, says: str) -> None:
    """By name, with what would be right."""
    with pytest.raises(FaultError) as refused:
        latency_of(text)
    assert says in str(refused.value)


def test_from_no_time_to_a_minute() -> None:
    """Each end is in."""
    assert latency_of("chunk=0,signature=60") == Latency("chunk=0,signature=60", signature=60.0)


def test_what_is_done_at_once_takes_as_long_as_one_after_the_other() -> None:
    """Wherever one of two threads stands when the other asks."""
    for race in everywhere(latency):
        pace = Pace(PROFILES["5c"])
        pace._lock = TellingLock(race)
        asked = [partial(pace.seconds_left, SIGN, SIGNED, 0.0, 0.0)] * 2
        if (left := race.run(*asked)) is None:
            break
        assert sorted(left) == pytest.approx([0.02, 0.04]), race.where


def test_one_signature_after_the_other() -> None:
    """Those that come together wait for each other; a key in the making waits for none of them."""
    pace = Pace(PROFILES["5c"])
    left = [pace.seconds_left(SIGN, SIGNED, 100.0, 100.001) for _ in range(3)]
    assert left == pytest.approx([0.019, 0.039, 0.059])
    assert pace.seconds_left(STEP, CHUNK, 100.0, 100.05) == pytest.approx(0.15)
    assert pace.seconds_left(SIGN, SIGNED, 200.0, 200.5) == 0


def test_many_signatures_take_as_long_as_each() -> None:
    """The last step of a key takes less than a chunk, and less still where cards come next; what is
    refused takes no time.
    """
    pace = Pace(PROFILES["5c"])
    many = NvmemfileSignMany(file=bytes(11), tokens=[bytes(16)] * 5, messages=[b"m"] * 5)
    signed = NvmemfileSignedMany(signatures=[b"s"] * 5, leaves=[0] * 5, remaining=1, refusals=[])
    assert pace.seconds_left(many, signed, 0.0, 0.0) == pytest.approx(0.1)
    assert pace.seconds_left(STEP, CLOSED, 0.0, 0.0) == pytest.approx(0.011)
    assert pace.seconds_left(STEP, CARDS_NEXT, 1.0, 1.0) == pytest.approx(0.002)
    assert pace.seconds_left(SIGN, StatusError(Status.UseLimitExceeded, "spent"), 0.0, 0.0) == 0


def test_the_injector_knows_the_time() -> None:
    """And says in its summary that the machine is slow."""
    injector = Injector(Plan(latency=latency_of("signature=2")), clock=lambda: 10.0)
    assert injector.summary == "latency signature=2"
    assert injector.seconds_left(SIGN, SIGNED, 9.5) == 1.5
    injector.add("drop-after")
    assert injector.summary == "latency signature=2; 1 fault"

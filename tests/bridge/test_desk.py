"""The helper's side over a socket pair, with machines of this process."""

import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from bridge.replies import Host
from seeclient.blocking import Fleet
from seeclient.bridge import operations, serving
from seeclient.bridge.errand import Errand
from seeclient.bridge.fleets import Fleets
from seeclient.bridge.frames import Field, Request
from seeclient.bridge.serving import Desk

from seemachine.testing import ESN, OTHER_ESN, QUICK, Rig
from seemachine.wire.status import Status, StatusError

SIGN = (b"key", b"", b"message")
PLAIN = (b"", bytes(8), b"")


@pytest.fixture(autouse=True)
def machine() -> None:
    """None in a process."""


@pytest.fixture
def environ() -> None:
    """None of a process."""


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A machine with a key."""
    made = Rig(tmp_path)
    made.start()
    with made.fleet() as fleet:
        fleet.generate_lms("key", **QUICK)
    return made


@pytest.fixture
def fleets(rig: Rig) -> Fleets:
    """Of the machines that are up."""
    return Fleets(lambda: rig.environment, rig.connect)


@pytest.fixture
def host(fleets: Fleets) -> Iterator[Host]:
    """The other end, of a helper that is at work until this end is closed."""
    ours, its = socket.socketpair()
    desk = threading.Thread(target=Desk(its, fleets).run)
    desk.start()
    try:
        yield Host(ours)
    finally:
        ours.close()
        desk.join(10)
        its.close()
    assert not desk.is_alive()


def test_a_note_comes_before_the_reply(host: Host) -> None:
    """It names the machine that is asked for a leaf."""
    host.ask(7, "sign", *SIGN, b"a token of sixt.", *PLAIN)
    kind, number, note = host.next()
    assert (kind, number, note.split()[0]) == ("note", 7, ESN.encode())
    kind, number, (status, [signature]) = host.next()
    assert (kind, number, status) == ("reply", 7, 0)
    assert len(signature) > 1000


def test_questions_are_answered_as_they_are_ready(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes long keeps no other waiting, and while it does the helper says that it is
    alive.
    """
    going = threading.Event()

    def slow(errand: Errand) -> Sequence[Field]:
        del errand
        assert going.wait(20)
        return []

    found = operations.found
    monkeypatch.setattr(
        serving.operations, "found", lambda ask: slow if ask.operation == "slow" else found(ask)
    )
    host.ask(1, "slow")
    host.ask(2, "list")
    assert host.next() == ("reply", 2, (0, [b"key", b"LMS"]))
    going.set()
    assert host.next() == ("reply", 1, (0, []))


def test_a_helper_at_work_is_heard(fleets: Fleets, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a question is worked on, and not while there is none: what nobody reads would fill the
    socket.
    """
    going = threading.Event()
    monkeypatch.setattr(serving, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(
        serving.operations, "found", lambda _ask: lambda _errand: going.wait(20) and []
    )
    ours, its = socket.socketpair()
    desk = threading.Thread(target=Desk(its, fleets).run)
    desk.start()
    host = Host(ours)
    ours.settimeout(0.1)
    with pytest.raises(TimeoutError):
        host.next()
    ours.settimeout(20)
    host.ask(1, "slow")
    assert host.next() == ("note", 0, b"")
    going.set()
    while (said := host.next()) == ("note", 0, b""):
        pass
    assert said == ("reply", 1, (0, []))
    ours.settimeout(0.1)
    with pytest.raises(TimeoutError):
        host.next()
    ours.close()
    desk.join(10)
    its.close()


def test_a_fault_of_ours_ends_nothing(
    host: Host, fleets: Fleets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told with its type, and the next question is answered; its fleet, which may be in the
    middle of something, is used by nobody after it.
    """
    used: list[Fleet] = []

    def faulty(errand: Errand) -> Sequence[Field]:
        used.append(errand.fleet)
        raise ZeroDivisionError("by nothing")

    with monkeypatch.context() as patch:
        patch.setattr(serving.operations, "found", lambda _ask: faulty)
        host.ask(1, "list")
        why = [b"Failed: ZeroDivisionError: by nothing", b"", b""]
        assert host.next() == ("reply", 1, (Status.Failed, why))
    host.ask(2, "list")
    assert host.next() == ("reply", 2, (0, [b"key", b"LMS"]))
    assert fleets.take().fleet is not used[0]
    assert used[0].lifetime.state == "closed"


def test_a_broken_frame_ends_the_helper(fleets: Fleets) -> None:
    """There is no way to go on after it."""
    ours, its = socket.socketpair()
    desk = threading.Thread(target=Desk(its, fleets).run)
    desk.start()
    ours.sendall(b"\0\0\0\5\0\0\0\1\2")
    desk.join(10)
    assert not desk.is_alive()
    ours.close()
    its.close()


def errand(fleets: Fleets, noted: str = "") -> Errand:
    """One question, whose notes nobody reads."""
    return Errand(fleets, noted, lambda _text: None)


def ask(fleets: Fleets, operation: str, *fields: bytes) -> Sequence[Field]:
    """The fields of a reply, from the fleets that others have used. Raises StatusError."""
    one = errand(fleets)
    try:
        return one.run(operations.found(Request(1, operation, b"", fields)))
    finally:
        one.end()


def test_a_machine_that_came_later_is_found(rig: Rig, fleets: Fleets) -> None:
    """A fleet that was connected before it does not know it; a fresh one does."""
    ask(fleets, "version")
    rig.start(OTHER_ESN)
    with rig.fleet() as fleet:
        fleet.generate_lms("later", esn=OTHER_ESN, **QUICK)
    [signature] = ask(fleets, "sign", b"later", b"", b"m", b"a token of sixt.", *PLAIN)
    assert signature


def test_older_fleets_go_with_the_one_that_lacked_a_machine(rig: Rig, fleets: Fleets) -> None:
    """Those that wait know no more than it did."""
    both = [errand(fleets), errand(fleets)]
    old = {one.fleet for one in both}
    for one in both:
        one.end()
    rig.start(OTHER_ESN)
    with rig.fleet() as fleet:
        fleet.generate_lms("later", esn=OTHER_ESN, **QUICK)
    ask(fleets, "sign", b"later", b"", b"m", b"a token of sixt.", *PLAIN)
    assert {fleets.take().fleet, fleets.take().fleet} & old == set()


def test_an_errand_knows_its_own_last_note(fleets: Fleets) -> None:
    """For when its operation is called once more, with a fresh fleet."""
    sent: list[str] = []
    one = Errand(fleets, "before", sent.append)
    one.note("after")
    assert (one.noted, sent) == ("after", ["after"])


def test_a_fleet_is_used_again_and_by_one_at_a_time(fleets: Fleets) -> None:
    """Two questions at once have two; the next has one of these."""
    first, second = errand(fleets), errand(fleets)
    one, other = first.fleet, second.fleet
    assert one is not other
    assert first.fleet is one
    first.end()
    third = errand(fleets)
    assert third.fleet is one
    third.end()
    second.end()


def test_a_fleet_that_lacks_a_machine_is_renewed(
    rig: Rig, fleets: Fleets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds, without being asked for that machine."""
    monkeypatch.setattr("seeclient.bridge.fleets.AGAIN_AFTER", -1.0)
    whole = errand(fleets)
    fleet = whole.fleet
    whole.end()
    fleet.roster.failures.append(ZeroDivisionError())  # type: ignore[arg-type]
    assert errand(fleets).fleet is not fleet
    del rig


def test_an_immediate_signature_takes_one_leaf(rig: Rig, fleets: Fleets) -> None:
    """The name that the helper chose is in its note: a helper after it asks under the same."""
    with rig.fleet() as fleet:
        public_key = fleet.key("key").public_key
    notes: list[str] = []
    asked = Request(1, "sign_immediate", b"", (public_key, b"", b"m", *PLAIN))
    one = Errand(fleets, "", notes.append)
    first = one.run(operations.found(asked))
    other = Errand(fleets, notes[-1], notes.append)
    assert other.run(operations.found(asked)) == first
    assert notes[0] == notes[1]
    with rig.fleet() as fleet:
        assert fleet.key("key").info().remaining == 31


def test_a_key_file_is_read_once_until_it_is_another(rig: Rig, fleets: Fleets) -> None:
    """One that was replaced or removed is noticed."""
    first = fleets.keys.load("KEY")
    assert fleets.keys.load("key") is first
    store = rig.environment.roster().keys
    store.save(replace(first, made=None))
    assert fleets.keys.load("key") == replace(first, made=None)
    store.remove("key")
    with pytest.raises(StatusError, match="there is no key named key"):
        fleets.keys.load("key")

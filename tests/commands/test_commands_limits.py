"""Limits of generation and of half-made keys, to the unit and for the largest legal key; and a
connection that ends at the last moment.
"""

from pathlib import Path
from typing import Any

import pytest
from kit.commands import CHEAP, RepeatableRig, ask, generate, refuse

from seemachine.commands import answer
from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

TALLEST = ("sha256_m24_h25", "sha256_n24_w8")


@pytest.fixture
def checkpoints(tmp_path: Path) -> FolderCheckpoints:
    """Those of the machine of these tests."""
    return FolderCheckpoints(tmp_path / "hsm" / ESN)


@pytest.fixture
def session(world: RepeatableRig, checkpoints: FolderCheckpoints) -> Session:
    """A connection to a machine that keeps half-made keys."""
    return Session(world.machine(checkpoints=checkpoints))


def taken(session: Session, request: Any) -> bool:
    """Whether a request is done, not refused for a parameter."""
    reply = answer(session, request)
    assert not isinstance(reply, StatusError) or reply.status is Status.InvalidParameter, reply
    return not isinstance(reply, StatusError)


class TestOneConnection:
    """Makes four keys at once."""

    def test_so_many_are_begun(self, session: Session) -> None:
        """A fifth has to wait, whether it is begun or resumed; all four go on."""
        begun = [ask(session, generate(label=label, expchunk=3)) for label in "abcd"]
        ask(session, m.ContinueLms(handle=begun[0].handle))
        for request in (generate(label="e"), m.ResumeLms(label="a")):
            refused = refuse(session, request)
            assert (refused.status, "making 4 keys already" in refused.detail) == (
                Status.ObjectInUse,
                True,
            )
        assert "e" not in session.machine.making
        for each in begun:
            ask(session, m.ContinueLms(handle=each.handle))

    def test_what_another_took_over_does_not_count(self, session: Session) -> None:
        """Then there is room."""
        for label in "abcd":
            ask(session, generate(label=label))
        ask(Session(session.machine), m.ResumeLms(label="b"))
        ask(session, generate(label="e"))
        assert refuse(session, generate(label="f")).status is Status.ObjectInUse


class TestLabels:
    """Of one machine."""

    @pytest.mark.parametrize(("kept", "room"), [(63, True), (64, False)])
    def test_so_many_half_made_keys(
        self, session: Session, monkeypatch: pytest.MonkeyPatch, kept: int, room: bool
    ) -> None:
        """64 on disk are the most; the next is refused."""
        monkeypatch.setattr(
            session.machine.checkpoints,
            "labels",
            lambda: [f"key{number}" for number in range(kept)],
        )
        reply = answer(session, generate(label="one-more"))
        assert isinstance(reply, m.LmsStarted) is room
        assert room or reply.status is Status.ObjectInUse

    @pytest.mark.parametrize(
        ("label", "fits"),
        [("a" * 64, True), ("a" * 65, False), ("A", False), ("a_b", False), ("0-9", True)],
    )
    def test_what_a_label_is(self, session: Session, label: str, fits: bool) -> None:
        """Up to 64 lower-case letters, digits and hyphens; another one can't be resumed, and is not
        there to be given up.
        """
        assert taken(session, generate(label=label)) is fits
        assert (
            isinstance(answer(Session(session.machine), m.ResumeLms(label=label)), m.LmsResumed)
            is fits
        )
        ask(session, m.DiscardLms(label=label))


class TestExponents:
    """generateLMS, by what it takes at most and at least."""

    @pytest.mark.parametrize(
        ("exponents", "fits"),
        [
            ({"expcards": 8, "explease": 5}, True),
            ({"expcards": 9, "explease": 0}, False),
            ({"expcards": 0, "explease": 12}, True),
            ({"expcards": 0, "explease": 13}, False),
            ({"expcache": 12}, False),
            ({"expcache": 13}, True),
            ({"expcache": 15}, True),
            ({"expcache": 16}, False),
            ({"expcards": 8, "explease": 4, "expcache": 12}, False),
            ({"expcards": 8, "explease": 5, "expcache": 0}, True),
            ({"expcache": 15, "expchunk": 8}, False),
            ({"expcache": 15, "expchunk": 9}, True),
            ({"expcache": 15, "expchunk": 24}, True),
            ({"expcache": 15, "expchunk": 25}, False),
            ({"expcache": 14, "expchunk": 25}, True),
        ],
        ids=str,
    )
    def test_of_the_tallest_tree(
        self, session: Session, exponents: dict[str, int], fits: bool
    ) -> None:
        """2^25 leaves: not more chunks than can be kept, no larger table or part of one than a
        message has room for.
        """
        assert taken(session, generate(TALLEST, **exponents)) is fits

    @pytest.mark.parametrize(
        ("exponents", "fits"),
        [
            ({"expcards": 2, "explease": 3}, True),
            ({"expcache": 5}, True),
            ({"expcache": 6}, False),
            ({"expchunk": 0}, True),
            ({"expchunk": 5}, True),
            ({"expchunk": 6}, False),
        ],
        ids=str,
    )
    def test_of_the_lowest_tree(
        self, session: Session, exponents: dict[str, int], fits: bool
    ) -> None:
        """32 leaves: a lease of one leaf each is the least."""
        assert taken(session, generate(CHEAP, **exponents)) is fits


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"expchunk": 5}, True),
        ({"expchunk": 6}, False),
        ({"expcache": 5}, True),
        ({"expcache": 6}, False),
        ({"expcards": 2, "explease": 3, "seeds": [b"s" * 24] * 32}, True),
        ({"expcards": 3, "explease": 3, "seeds": [b"s" * 24] * 64}, False),
        ({"expcards": 1, "seeds": [b"s" * 24] * 2, "cards_written": 2}, True),
        ({"expcards": 1, "seeds": [b"s" * 24] * 2, "cards_written": 3}, False),
    ],
    ids=lambda value: str(sorted(value.items()))[:60] if isinstance(value, dict) else str(value),
)
def test_what_is_resumed(
    world: RepeatableRig, checkpoints: FolderCheckpoints, changes: dict[str, Any], fits: bool
) -> None:
    """A head from elsewhere is held to the same bounds: it must not make a machine hold more."""
    maker = Session(world.machine(checkpoints=checkpoints))
    ask(maker, m.ContinueLms(handle=ask(maker, generate(label="a", expchunk=3)).handle))
    head = checkpoints.head("a")
    assert head is not None
    checkpoints.rewrite("a", head | changes)
    reply = answer(Session(world.machine(checkpoints=checkpoints)), m.ResumeLms(label="a"))
    assert isinstance(reply, m.LmsResumed) is fits
    assert fits or reply.status is Status.Malformed


@pytest.mark.parametrize("label", ["", "big"])
def test_a_connection_that_ends_at_the_last_moment(
    session: Session, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    """After the last chunk and before the key is installed: without a label nobody could ask for it
    again, so it is not.
    """
    handle = ask(session, generate(label=label, expchunk=5)).handle
    ask(session, m.ContinueLms(handle=handle))
    monkeypatch.setattr(session.machine.keys, "put_table", lambda *_given: session.stopped.set())
    reply = answer(session, m.ContinueLms(handle=handle))
    assert len(session.machine.store.names()) == (1 if label else 0)
    if label:
        assert reply.public_key
    else:
        assert (reply.status, reply.detail.partition(" in ")[0]) == (
            Status.TimeLimitExceeded,
            "stopped before the key was installed",
        )

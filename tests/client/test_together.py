"""together.py: several stories told as one."""

from collections.abc import Sequence
from typing import Any

import pytest
from kit.stories import a_peer, play
from seeclient.effects import Pause, Peer, Story, ask, work
from seeclient.together import together

from seemachine.testing import OTHER_ESN
from seemachine.wire.messages import ListSlots, SlotListing
from seemachine.wire.status import Status, StatusError

FIRST, SECOND = a_peer(), a_peer(OTHER_ESN, 2)
LISTING = SlotListing(slots=[])
NO = StatusError(Status.NotAvailable, "no")


def asks(told: list[Any], name: str, peers: Sequence[Peer]) -> Story[None]:
    """Ask these in turn, and tell what came of it."""
    for peer in peers:
        try:
            told.append((name, (yield from ask(peer, ListSlots()))))
        except StatusError as refused:
            told.append((name, refused))


def test_requests_to_different_machines_go_out_together() -> None:
    """And each story goes on with its own reply, or refusal, until all have ended."""
    told: list[Any] = []
    play(
        together([asks(told, "a", [FIRST, FIRST]), asks(told, "b", [SECOND])]),
        ([(FIRST, ListSlots()), (SECOND, ListSlots())], [LISTING, NO]),
        ([(FIRST, ListSlots())], [NO]),
    )
    assert told == [("a", LISTING), ("b", NO), ("a", NO)]


def test_one_machine_is_asked_one_thing_at_a_time() -> None:
    """Whoever comes second waits for its turn."""
    told: list[Any] = []
    play(
        together([asks(told, "a", [FIRST]), asks(told, "b", [FIRST])]),
        ([(FIRST, ListSlots())], [LISTING]),
        ([(FIRST, ListSlots())], [LISTING]),
    )
    assert told == [("a", LISTING), ("b", LISTING)]


def pauses(seconds: float) -> Story[None]:
    """Nothing but a pause."""
    yield Pause(seconds)


def test_who_pauses_holds_nobody_up() -> None:
    """The others are asked first; those who pause do so at once."""
    play(
        together([pauses(1.0), asks([], "b", [FIRST, FIRST]), pauses(2.0)]),
        ([(FIRST, ListSlots())], [LISTING]),
        ([(FIRST, ListSlots())], [LISTING]),
        (Pause(2.0), None),
    )


def test_work_is_done_before_requests_go_out() -> None:
    """So that they go out together."""
    told: list[Any] = []

    def works_first() -> Story[None]:
        told.append((yield from work(lambda: "done")))
        yield from asks(told, "a", [FIRST])

    play(
        together([works_first(), asks(told, "b", [SECOND])]),
        ("work", None),
        ([(FIRST, ListSlots()), (SECOND, ListSlots())], [LISTING, LISTING]),
    )
    assert told[0] == "done"


def test_no_story_is_over_at_once() -> None:
    """As is one that asks for nothing."""
    play(together([]))
    play(together([asks([], "a", [])]))


def raises(told: list[Any]) -> Story[None]:
    """A story that another one's end closes."""
    try:
        yield from ask(FIRST, ListSlots())
    finally:
        told.append("closed")


@pytest.mark.parametrize("error", [NO, ZeroDivisionError()], ids=["refusal", "fault"])
def test_what_one_raises_ends_all(error: Exception) -> None:
    """And the others can clean up."""
    told: list[Any] = []

    def fails() -> Story[None]:
        yield from ask(SECOND, ListSlots())
        raise error

    story = together([raises(told), fails()])
    next(story)
    with pytest.raises(type(error)):
        story.send([LISTING, LISTING])
    assert told == ["closed"]


def test_who_stops_telling_closes_all() -> None:
    """As Ctrl-C does."""
    told: list[Any] = []
    story = together([raises(told), raises(told)])
    next(story)
    story.close()
    assert told == ["closed", "closed"]

"""sparing.py: a flood does not fill the log, and nothing that was left out goes untold."""

import pytest
import trio
from kit.logs import Events

from seemachine.server.log_limits import LINES_AT_ONCE, LINES_PER_SECOND, REPORT_SECONDS, SparingLog


@pytest.fixture
def events():
    """What is written in the end."""
    return Events()


@pytest.fixture
def sparing(events):
    """The log in front of it."""
    return SparingLog(events)


async def test_a_flood_is_cut_and_counted(sparing, events, mock_clock):
    """Of one kind so many lines are written at once, then so many a second; the rest becomes a
    number.
    """
    for number in range(1000):
        sparing.bind(peer=f"192.0.2.1:{number}").warning("misuse", detail=str(number))
    assert [line["detail"] for line in events.named("misuse")] == [
        str(number) for number in range(LINES_AT_ONCE)
    ]
    mock_clock.jump(2)
    for _ in range(1000):
        sparing.warning("misuse", detail="later")
    assert len(events.named("misuse")) == LINES_AT_ONCE + 2 * LINES_PER_SECOND
    sparing.report()
    [line] = events.named("lines left out")
    assert (line["kind"], line["count"]) == ("misuse", 2000 - LINES_AT_ONCE - 2 * LINES_PER_SECOND)
    sparing.report()
    assert len(events.named("lines left out")) == 1


async def test_the_count_is_told_by_itself(sparing, events, nursery, autojump_clock):
    """A second after each flood one line for each kind says how many were left out, also when
    nothing more happens.
    """
    nursery.start_soon(sparing.run)
    for flood in (1, 2):
        for _ in range(LINES_AT_ONCE + 5):
            sparing.info("peer gone")
            sparing.warning("misuse")
        await trio.sleep(REPORT_SECONDS + 0.1)
        assert len(events.named("lines left out")) == 2 * flood
        await trio.sleep(100)
    assert {line["kind"]: line["count"] for line in events.named("lines left out")} == {
        "peer gone": 5,
        "misuse": 5,
    }


async def test_kinds_do_not_take_each_others_room(sparing, events, mock_clock):
    """A flood of one kind leaves another's lines alone; a request's kind is its command
    and status.
    """
    for _ in range(1000):
        sparing.info("request", command="hello", status="OK")
        sparing.info("request", command="nvmemfile_sign", status="NotAvailable")
    sparing.info("request", command="hello", status="InvalidParameter")
    sparing.exception("bug in a session")
    assert len(events.kept) == 2 * LINES_AT_ONCE + 2


async def test_what_was_done_is_always_written(sparing, events, mock_clock):
    """Each signature, and all else that changed something, has its line however many there are."""
    for leaf in range(1000):
        sparing.info("request", command="nvmemfile_sign", status="OK", leaf=leaf)
    assert [line["leaf"] for line in events.kept] == list(range(1000))


async def test_levels_and_bound_values_pass_through(sparing, events, mock_clock):
    """The log behind it gets what it would get without."""
    for level in ("info", "warning", "error", "exception"):
        getattr(sparing.bind(peer="p"), level)("event", detail=level)
    assert events.kept == [
        {"peer": "p", "level": each, "event": "event", "detail": each}
        for each in ("info", "warning", "error", "exception")
    ]

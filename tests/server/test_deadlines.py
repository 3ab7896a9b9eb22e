"""deadlines.py, and sessions whose time is over in the very turn of the loop in which they are
done.
"""

import math

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from kit.services import NO_FILE, join
from kit.waiting import until
from trio.testing import MockClock, lockstep_stream_pair, wait_all_tasks_blocked

from seemachine.server.admission import Seat
from seemachine.server.deadlines import SCARCE_SECONDS, Deadlines
from seemachine.wire import messages as m
from seemachine.wire.status import Status

IDLE_SECONDS, REQUEST_SECONDS = 300, 120


@pytest.fixture
def deadlines(nursery: trio.Nursery) -> Deadlines:
    """Looked after."""
    made = Deadlines()
    nursery.start_soon(made.run)
    return made


async def ended(deadlines, *moves):
    """When a wait is cut short whose deadline is set to each of `moves` seconds from their time, a
    second apart.
    """
    with deadlines.one() as deadline, deadline.renew() as scope:
        for seconds in moves:
            deadline.within(seconds)
            await trio.sleep(1)
        await trio.sleep_forever()
    assert scope.cancelled_caught
    return trio.current_time()


@pytest.mark.parametrize("moves", [[5], [5, 5], [5, 9], [9, 5], [9, 2], [2, 9, 3]])
async def test_a_wait_ends_at_its_deadline(moves, deadlines, autojump_clock):
    """Neither sooner nor later, wherever the deadline was before."""
    began = trio.current_time()
    assert await ended(deadlines, *moves) - began == pytest.approx(len(moves) - 1 + moves[-1])


async def test_each_connection_has_its_own(deadlines, autojump_clock):
    """Many at once end at their times; one without a deadline, and one that is over, never."""
    began, found = trio.current_time(), {}

    async def wait(seconds):
        found[seconds] = await ended(deadlines, seconds) - began

    with deadlines.one() as unlimited, deadlines.one() as lifted:
        lifted.within(4)
        lifted.lift()
        async with trio.open_nursery() as waits:
            for seconds in (7, 3, 5, 3.5):
                waits.start_soon(wait, seconds)
        assert found == pytest.approx({seconds: seconds for seconds in (7, 3, 5, 3.5)})
        await trio.sleep(1000)
        assert not unlimited.over
        assert not lifted.over
    deadlines.end_overdue()
    assert deadlines.soonest == math.inf


def test_nobody_is_looked_for_more_often_than_somebody_is_late():
    """Moving a deadline away wakes nobody: a thousand requests in the time of one limit cost one
    look.
    """
    looks = []

    async def main():
        deadlines = Deadlines()
        real = deadlines.end_overdue
        deadlines.end_overdue = lambda: looks.append(trio.current_time()) or real()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deadlines.run)
            with deadlines.one() as deadline:
                for _ in range(1000):
                    deadline.within(IDLE_SECONDS)
                    await trio.sleep(0.01)
                    deadline.within(REQUEST_SECONDS)
                    await trio.sleep(0.1)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert looks == []


async def test_a_look_without_memory_is_repeated(deadlines, autojump_clock):
    """The machine goes on, and who is late is ended a moment later."""
    real, failures = deadlines.end_overdue, [MemoryError(), MemoryError()]

    def end_overdue():
        if failures:
            raise failures.pop()
        real()

    deadlines.end_overdue = end_overdue
    began = trio.current_time()
    assert await ended(deadlines, 5) - began == pytest.approx(5 + 2 * SCARCE_SECONDS)


@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0, 5)), min_size=1, max_size=20))
def test_a_deadline_that_is_moved_in_time_ends_nothing(moves):
    """Whoever moves on before its time is not cut short, and whoever does not is, at that time."""

    async def main():
        deadlines, due, at = Deadlines(), math.inf, math.inf
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deadlines.run)
            with deadlines.one() as deadline:
                with deadline.renew() as scope:
                    for limit, taken in moves:
                        deadline.within(limit)
                        due = trio.current_time() + limit
                        await trio.sleep(taken)
                    await trio.sleep_forever()
                at = trio.current_time()
            assert scope.cancelled_caught
            nursery.cancel_scope.cancel()
        assert at == pytest.approx(due)

    trio.run(main, clock=MockClock(autojump_threshold=0))


# ---------------------------------------------------------------- done and late in one turn


async def test_who_speaks_as_the_machine_begins_to_drain_is_answered(service, nursery):
    """Its request counts as under way; then the connection closes."""
    peer = await join(nursery, service).greet()
    await wait_all_tasks_blocked()
    await peer.send(NO_FILE)
    service.drain()
    assert (await peer.receive()).status is Status.NotAvailable
    assert await peer.receive() is None


async def test_who_speaks_as_its_idle_time_ends_is_answered(service, nursery, mock_clock):
    """It is as good as in time, and the connection goes on."""
    peer = await join(nursery, service).greet()
    await wait_all_tasks_blocked()
    await peer.send(NO_FILE)
    mock_clock.jump(IDLE_SECONDS)
    service.deadlines.end_overdue()
    assert (await peer.receive()).status is Status.NotAvailable
    assert (await peer.ask(NO_FILE)).status is Status.NotAvailable


async def test_a_rest_that_comes_as_the_time_ends_is_heard(service, nursery, mock_clock):
    """A request whose last byte is there is not refused for its being late."""
    peer = await join(nursery, service).greet()
    data = peer.link.send(NO_FILE)
    await peer.stream.send_all(data[:9])
    await wait_all_tasks_blocked()
    await peer.stream.send_all(data[9:])
    mock_clock.jump(REQUEST_SECONDS)
    service.deadlines.end_overdue()
    assert (await peer.receive()).status is Status.NotAvailable
    assert (await peer.ask(NO_FILE)).status is Status.NotAvailable


async def test_a_reply_that_is_made_as_the_time_ends_is_given(
    service, nursery, log, mock_clock, monkeypatch
):
    """What was signed is handed out: its leaf is gone. The connection goes on."""
    signed, asked = trio.Event(), trio.Event()
    reply = m.NvmemfileSigned(signature=b"signature", leaf=7, remaining=1)

    async def sign(request, client):
        asked.set()
        await signed.wait()
        return reply

    monkeypatch.setattr(service.pipeline, "sign", sign)
    peer = await join(nursery, service).greet()
    await peer.send(m.NvmemfileSign(file=b"lmsnosuchke", token=bytes(16), message=b""))
    await asked.wait()
    await wait_all_tasks_blocked()
    signed.set()
    mock_clock.jump(REQUEST_SECONDS)
    service.deadlines.end_overdue()
    assert await peer.receive() == reply
    assert (await peer.ask(NO_FILE)).status is Status.NotAvailable
    assert [event["status"] for event in log.named("request")] == ["OK", "OK", "NotAvailable"]


async def test_a_signature_that_takes_too_long_is_refused(
    service, nursery, log, mock_clock, monkeypatch
):
    """At the limit, and the connection ends after it."""

    async def sign(*_):
        await trio.sleep_forever()

    monkeypatch.setattr(service.pipeline, "sign", sign)
    peer = await join(nursery, service).greet()
    await peer.send(m.NvmemfileSign(file=b"lmsnosuchke", token=bytes(16), message=b""))
    await wait_all_tasks_blocked()
    mock_clock.jump(REQUEST_SECONDS - 1)
    await wait_all_tasks_blocked()
    assert len(log.named("request")) == 1
    mock_clock.jump(1)
    await until(lambda: len(log.named("request")) == 2)
    refusal = await peer.receive()
    assert (refusal.status, refusal.detail) == (
        Status.TimeLimitExceeded,
        f"not done within {REQUEST_SECONDS} s in nvmemfile_sign",
    )
    assert await peer.receive() is None


# ---------------------------------------------------------------- what counts, and what does not


async def test_waiting_for_its_turn_is_none_of_a_peer_s_time(
    service, nursery, autojump_clock, monkeypatch
):
    """However long the machine lets a request wait, it is answered."""

    async def wait_turn(*_, **__):
        await trio.sleep(10 * IDLE_SECONDS)

    peer = await join(nursery, service).greet()
    monkeypatch.setattr(Seat, "wait_turn", wait_turn)
    began = trio.current_time()
    assert (await peer.ask(NO_FILE)).status is Status.NotAvailable
    assert trio.current_time() - began == pytest.approx(10 * IDLE_SECONDS)


async def test_a_reply_has_its_own_time(service, nursery, log, autojump_clock, monkeypatch):
    """As long as any, after a request that took nearly all of its own."""

    async def sign(*_):
        await trio.sleep(REQUEST_SECONDS - 1)
        return m.NvmemfileSigned(signature=b"signature", leaf=7, remaining=1)

    monkeypatch.setattr(service.pipeline, "sign", sign)
    peer = await join(nursery, service, lockstep_stream_pair).greet()
    began = trio.current_time()
    await peer.send(m.NvmemfileSign(file=b"lmsnosuchke", token=bytes(16), message=b""))
    await peer.over.wait()
    assert trio.current_time() - began == pytest.approx(2 * REQUEST_SECONDS - 1)
    assert len(log.named("peer does not read, closed")) == 1


async def test_the_rest_of_a_long_request_is_read_when_it_may_be(service, nursery, monkeypatch):
    """Admission hears of each part that comes after the first read."""
    counts = []

    async def wait_for_more(_, count):
        counts.append(count)

    monkeypatch.setattr(Seat, "wait_for_more", wait_for_more)
    peer = await join(nursery, service).greet()
    data = peer.link.send(NO_FILE)
    for part in (data[:5], data[5:9], data[9:]):
        await peer.stream.send_all(part)
        await wait_all_tasks_blocked()
    assert (await peer.receive()).status is Status.NotAvailable
    assert counts == [4, len(data) - 9]

"""turns.py: batches for threads, and what becomes of them when something goes wrong."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
import trio
from kit.waiting import PATIENCE, until
from trio.testing import wait_all_tasks_blocked

from seemachine.process.gate import Gate
from seemachine.process.threads import LentThreads, Threads
from seemachine.process.turns import Turns


def all_of(waiting: deque[int]) -> list[int]:
    """Whatever waits is one batch."""
    batch = list(waiting)
    waiting.clear()
    return batch


class Work:
    """Keeps the batches that it was given; each waits until the gate is open."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.done: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, batch: list[int]) -> None:
        self.begun.append(batch)
        assert self.gate.wait(PATIENCE)
        self.done.append(batch)


@pytest.fixture
def threads() -> Any:
    """Two threads."""
    made = Threads(2, "test")
    yield made
    made.close()


@pytest.fixture
def work() -> Work:
    """What is done."""
    return Work()


@pytest.fixture
def turns(threads: Threads, work: Work) -> Turns[int]:
    """They do not run yet."""
    return Turns(threads, all_of, work)


async def test_what_comes_meanwhile_is_the_next_batch(
    turns: Turns[int], work: Work, nursery: trio.Nursery
) -> None:
    """What waited before the beginning is done, too; then all is idle."""
    turns.add(1)
    turns.add(2)
    assert work.begun == []
    work.gate.clear()
    nursery.start_soon(turns.run)
    await until(lambda: bool(work.begun))
    for number in (3, 4, 5):
        turns.add(number)
    assert not turns.idle
    work.gate.set()
    await until(lambda: turns.idle)
    assert work.done == [[1, 2], [3, 4, 5]]


async def test_each_of_many_is_done_once(
    turns: Turns[int], work: Work, nursery: trio.Nursery
) -> None:
    """However it falls between the end of a turn and the next one's beginning."""
    nursery.start_soon(turns.run)
    for number in range(3000):
        turns.add(number, 1 + number % 2)
        if number % 7 == 0:
            await trio.lowlevel.checkpoint()
    await until(lambda: turns.idle)
    assert sorted(number for batch in work.done for number in batch) == list(range(3000))


async def test_a_second_turn_is_for_those_that_may_have_one(
    turns: Turns[int], work: Work, nursery: trio.Nursery
) -> None:
    """While a thread is at work, what may have one turn waits; what may have two gets another."""
    work.gate.clear()
    nursery.start_soon(turns.run)
    await until(lambda: turns.idle)
    turns.add(1)
    await until(lambda: len(work.begun) == 1)
    turns.add(2)
    assert turns._count == 1
    await wait_all_tasks_blocked()
    assert work.begun == [[1]]
    turns.add(3, 2)
    await until(lambda: len(work.begun) == 2)
    turns.add(4, 2)
    assert turns._count == 2
    await wait_all_tasks_blocked()
    assert work.begun == [[1], [2, 3]]
    work.gate.set()
    await until(lambda: turns.idle)
    assert sorted(number for batch in work.done for number in batch) == [1, 2, 3, 4]


def fail(*_given: object) -> Any:
    """A bug."""
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("place", ["take", "work", "called"])
async def test_a_bug_ends_it(threads: Threads, place: str) -> None:
    """In a thread, or in what it has the loop call: `run` raises it, and does not wait for ever."""

    def called(_batch: object) -> None:
        turns.call_soon(fail, 1)

    works: dict[str, Callable[[list[int]], None]] = {"work": fail, "called": called}
    turns = Turns(threads, fail if place == "take" else all_of, works.get(place, Work()))
    turns.add(1)
    with trio.fail_after(PATIENCE), pytest.raises(ZeroDivisionError, match="a bug"):
        await turns.run()
    assert turns._count == 0


async def test_cancelled_it_waits_for_what_is_under_way(turns: Turns[int], work: Work) -> None:
    """And begins nothing else; what waits is done when it runs again."""
    work.gate.clear()
    cancelled, over = trio.Event(), trio.Event()

    async with trio.open_nursery() as nursery:

        async def ended() -> None:
            async with trio.open_nursery() as inner:
                inner.start_soon(turns.run)
                await until(lambda: bool(work.begun))
                turns.add(2)
                inner.cancel_scope.cancel()
                cancelled.set()
            over.set()

        turns.add(1)
        nursery.start_soon(ended)
        await cancelled.wait()
        await wait_all_tasks_blocked()
        assert not over.is_set()
        work.gate.set()
        with trio.fail_after(PATIENCE):
            await over.wait()
        assert work.done == [[1]]
        nursery.start_soon(turns.run)
        await until(lambda: turns.idle)
        assert work.done == [[1], [2]]
        nursery.cancel_scope.cancel()


async def test_where_there_is_no_thread(work: Work, nursery: trio.Nursery) -> None:
    """Who adds is told, and what was added is not done; the next one may have more luck."""

    class Few(Threads):
        given = True

        def begin(self, work: Callable[[], None]) -> None:
            if not self.given:
                raise RuntimeError("can't start new thread")
            super().begin(work)

    threads = Few(1, "test")
    turns = Turns(threads, all_of, work)
    nursery.start_soon(turns.run)
    await wait_all_tasks_blocked()
    await until(lambda: turns.idle)
    threads.given = False
    with pytest.raises(RuntimeError, match="can't start new thread"):
        turns.add(1)
    threads.given = True
    turns.add(2)
    await until(lambda: turns.idle)
    assert work.done == [[2]]
    threads.close()


async def test_where_there_is_no_second_thread_and_the_first_was_quick(work: Work) -> None:
    """It has done what was added by then; all the same it ends when it is told to."""

    class Few(Threads):
        def begin(self, work_: Callable[[], None]) -> None:
            if not work.begun:
                super().begin(work_)
                return
            work.gate.set()
            while work.done != [[1], [2]]:
                time.sleep(0.001)
            raise RuntimeError("can't start new thread")

    threads = Few(2, "test")
    turns = Turns(threads, all_of, work)
    work.gate.clear()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            turns.add(1)
            nursery.start_soon(turns.run)
            await until(lambda: bool(work.begun))
            with pytest.raises(RuntimeError, match="can't start new thread"):
                turns.add(2, 2)
            nursery.cancel_scope.cancel()
    threads.close()


async def test_two_machines_share_a_thread(nursery: trio.Nursery) -> None:
    """One that always has more to do lets the other one have it between two batches."""
    threads = Threads(1, "test")
    done: list[str] = []

    def busy(batch: list[int]) -> None:
        done.append("busy")
        first.call_soon(first.add, batch[0])

    first = Turns(LentThreads(threads, Gate()), all_of, busy)
    second = Turns(LentThreads(threads, Gate()), all_of, lambda _batch: done.append("other"))
    for each in (first, second):
        nursery.start_soon(each.run)
    await wait_all_tasks_blocked()
    first.add(1)
    await until(lambda: len(done) > 10)
    for _ in range(5):
        before = done.count("other")
        second.add(2)
        await until(lambda: done.count("other") > before)  # noqa: B023
    nursery.cancel_scope.cancel()
    threads.close()


async def test_the_gate_of_a_machine(work: Work) -> None:
    """Who shuts it waits for the batch that is under way."""
    threads, gate = Threads(1, "test"), Gate()
    turns = Turns(LentThreads(threads, gate), all_of, work)
    work.gate.clear()
    shut = trio.Event()

    async def shut_gate() -> None:
        await trio.to_thread.run_sync(gate.shut)
        shut.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        turns.add(1)
        await until(lambda: bool(work.begun))
        nursery.start_soon(shut_gate)
        await wait_all_tasks_blocked()
        assert not shut.is_set()
        work.gate.set()
        with trio.fail_after(PATIENCE):
            await shut.wait()
        assert work.done == [[1]]
        nursery.cancel_scope.cancel()
    threads.close()

"""Machines that share a process: a gate for each, threads that outlive them."""

import threading

import pytest
import trio
from kit.logs import Events
from kit.waiting import until

from seemachine.process.gate import Gate, GateShut
from seemachine.process.pace import PARTS, rest
from seemachine.process.scarcity import Scarcity, reserve
from seemachine.process.threads import LentThreads, Threads, Workers


async def test_work_that_was_given_up_is_inside_until_it_ends() -> None:
    """Whoever shuts the gate waits for it, and nothing begins after that, on whatever threads."""
    gate, hold, begun = Gate(), threading.Event(), threading.Event()
    kept = Threads(1, "test")
    workers = Workers(Scarcity(Events()), LentThreads(kept, gate), gate)

    def work() -> None:
        begun.set()
        assert hold.wait(20)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(workers.run, trio.CapacityLimiter(1), work)
        await until(begun.is_set)
        nursery.cancel_scope.cancel()
    shut = threading.Thread(target=gate.shut)
    shut.start()
    await until(lambda: gate._shut)
    with pytest.raises(GateShut):
        await workers.run(trio.CapacityLimiter(1), int)
    with pytest.raises(GateShut):
        await LentThreads(kept, gate).run(int)
    assert shut.is_alive()
    hold.set()
    await until(lambda: not shut.is_alive())
    kept.close()


async def test_threads_of_a_process_outlive_its_machines() -> None:
    """One of them has stopped; the other's work goes on, on the same threads."""
    threads = Threads(1, "test")
    first, second = LentThreads(threads, Gate()), LentThreads(threads, Gate())
    name = await first.run(lambda: threading.current_thread().ident)
    first.close()
    first._gate.shut()
    assert await second.run(lambda: threading.current_thread().ident) == name
    threads.close()


def test_what_fails_leaves_the_gate() -> None:
    """It may be shut at once after that."""
    gate = Gate()
    with pytest.raises(ZeroDivisionError):
        gate.through(divmod)(1, 0)
    gate.shut()


def test_a_process_keeps_one_reserve_of_memory() -> None:
    """Not each of its machines."""
    assert Scarcity(Events())._reserve is Scarcity(Events())._reserve is reserve()


def test_looking_takes_its_part_of_the_time_and_no_more() -> None:
    """However many things are looked at."""
    assert rest(0.25, 0.001) == 0.25
    assert rest(0.25, 1.0) == PARTS - 1

"""Tasks of many callers on few threads."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from seemachine.lms.engines import pool
from seemachine.lms.engines.pool import Pool


@pytest.fixture
def two() -> Pool:
    """A pool of two threads."""
    return Pool(2)


def test_results_come_in_the_order_of_the_tasks(two: Pool) -> None:
    """Whoever finishes first, results stand where their tasks stood."""
    assert [bytes([number]) for number in range(100)] == two.run(
        [lambda number=number: bytes([number]) for number in range(100)]
    )


def test_one_task_runs_in_the_callers_thread(two: Pool) -> None:
    """No thread is started for a single task."""

    def who() -> bytes:
        return threading.current_thread().name.encode()

    assert [who()] == two.run([who])


def test_no_tasks_no_results(two: Pool) -> None:
    """An empty list is answered at once."""
    assert two.run([]) == []


def test_callers_take_turns(two: Pool) -> None:
    """A small call that comes while a large one waits is done after as many tasks of the other, not
    after all.
    """
    gate, begun, order = threading.Event(), threading.Semaphore(0), []

    def block() -> bytes:
        begun.release()
        gate.wait()
        return b""

    def note(name: str) -> bytes:
        order.append(name)
        return b""

    callers = [threading.Thread(target=two.run, args=([block, block],))]
    callers[0].start()
    begun.acquire()
    begun.acquire()
    for name, count in (("large", 50), ("small", 3)):
        callers.append(
            threading.Thread(target=two.run, args=([lambda name=name: note(name)] * count,))
        )
        callers[-1].start()
        while len(two._calls) < len(callers) - 1:
            pass
    gate.set()
    for caller in callers:
        caller.join()

    assert len(order) == 53
    assert "small" not in order[10:]


def test_a_failure_reaches_the_caller_and_the_pool_lives_on(two: Pool) -> None:
    """The exception of a task is raised by `run`; the next call works."""

    def fail() -> bytes:
        raise ValueError("no leaf")

    with pytest.raises(ValueError, match="no leaf"):
        two.run([fail] * 10)

    assert two.run([lambda: b"a", lambda: b"b"]) == [b"a", b"b"]
    assert not two._calls


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts, as it does unless who started the tests ignores it; the first one only."""

    def interrupt(*_signal: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, interrupt)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="this system cannot send a signal to a thread"
)
def test_tasks_of_a_caller_that_was_interrupted_are_not_begun(two: Pool, ctrl_c: None) -> None:
    """A caller who is interrupted while waiting takes the remaining tasks back, also in a run of
    tests that ignores Ctrl-C.
    """
    gate, begun, ran, caller = threading.Event(), threading.Semaphore(0), [], threading.get_ident()
    interrupted = threading.Event()

    def task() -> bytes:
        begun.release()
        gate.wait()
        ran.append(1)
        return b""

    def interrupt() -> None:
        begun.acquire()
        begun.acquire()
        # Only once the caller does nothing but wait: an interrupt at any other moment is another
        # test.
        while sys._current_frames()[caller].f_code.co_name != "wait":
            time.sleep(0.001)
        # One that comes between the caller's last look at its signals and its sleep is seen only
        # when it wakes up: CPython's, so there may have to be another.
        while not interrupted.wait(0.01):
            signal.pthread_kill(caller, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        two.run([task] * 50)
    interrupted.set()
    interrupter.join()
    gate.set()
    two.run([lambda: b""] * 4)

    assert len(ran) <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_a_pool_of_its_own() -> None:
    """The parent's threads do not exist in a child, so the child starts its own."""
    before = pool.shared(2)
    before.run([lambda: b""] * 4)
    child = os.fork()
    if child == 0:
        fresh = (
            pool.shared(2) is not before and pool.shared(2).run([lambda: b"x"] * 4) == [b"x"] * 4
        )
        os._exit(0 if fresh else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

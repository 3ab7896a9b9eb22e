"""Who does the work of machines in the process of a test: the loop itself, or a thread."""

import contextlib
import threading
import time

import pytest
import trio.testing
from seeclient import StatusError

from seemachine import testing
from seemachine.lms.generation import Generation, Stopped
from seemachine.process.gate import Gate
from seemachine.process.scarcity import Scarcity
from seemachine.testing.hosting import in_place


def hashed(seconds):
    """Some CPU is used; returns the thread that did it."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return threading.current_thread()


@pytest.mark.parametrize("crew", [in_place.CrewInPlace(), in_place.CrewAside()])
async def test_who_hashes(crew, monkeypatch):
    """In a loop that fleets share, a thread hashes what is long once something was; else nobody
    but the loop does, as with whatever is not hashing.
    """
    monkeypatch.setattr(in_place, "LONG_SECONDS", 0.01)
    workers, here = crew.workers(Scarcity(None), Gate()), threading.current_thread()
    aside = [
        await workers.run(limiter, hashed, seconds) is not here
        for limiter, seconds in (
            (crew.hashing, 0.02),
            (crew.others, 0.02),
            (crew.hashing, 0.02),
            (crew.hashing, 0),
            (crew.hashing, 0),
        )
    ]
    shared = isinstance(crew, in_place.CrewAside)
    assert aside == [False, False, shared, shared, False]


def test_a_step_under_way_at_the_end(monkeypatch):
    """The NVRAM is closed once no thread is at work on it, and not before."""
    order, under_way = [], threading.Event()

    def step(_generation, _engine, should_stop):
        under_way.set()
        while not should_stop():
            time.sleep(0.001)
        time.sleep(0.05)
        order.append("hashed")
        raise Stopped

    def make(fleet):
        with contextlib.suppress(StatusError):
            fleet.generate_lms("release", **testing.QUICK)

    monkeypatch.setattr(in_place, "LONG_SECONDS", -1.0)
    monkeypatch.setattr(Generation, "step", step)
    with testing.fleet() as fleet:
        maker = threading.Thread(target=make, args=(fleet,))
        maker.start()
        assert under_way.wait(10)
        store = fleet.hosted[testing.ESN].store
        close = store.close
        monkeypatch.setattr(store, "close", lambda: (order.append("closed"), close()))
    maker.join()
    assert order == ["hashed", "closed"]


async def test_the_loop_goes_on_meanwhile(monkeypatch):
    """While a thread hashes."""
    monkeypatch.setattr(in_place, "LONG_SECONDS", -1.0)
    crew, going_on, waited = in_place.CrewAside(), threading.Event(), []
    workers = crew.workers(Scarcity(None), Gate())

    async def hash_until_told():
        waited.append(await workers.run(crew.hashing, going_on.wait, 5))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hash_until_told)
        await trio.testing.wait_all_tasks_blocked()
        going_on.set()
    assert waited == [True]

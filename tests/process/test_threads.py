"""threads.py: what goes on when the system gives no more threads."""

import re
import threading
from pathlib import Path

import pytest
import trio
import trio._core._thread_cache as thread_cache
from kit.logs import Events
from kit.services import H5_W4, join, make_machine, make_service, name_of
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token

from seemachine.lms.engines.pool import Pool
from seemachine.process import threads as threads_module
from seemachine.process.scarcity import Scarcity
from seemachine.process.threads import Threads, Workers
from seemachine.server import daemon
from seemachine.testing import install_key
from seemachine.wire import messages as m

NO_THREAD = RuntimeError("can't start new thread")


@pytest.fixture
def no_threads(monkeypatch):
    """Called in a test, the system gives no thread from then on."""

    def begin():
        def refuse(thread):
            raise NO_THREAD

        monkeypatch.setattr(threading.Thread, "start", refuse)
        # Those that an earlier test left idle would be taken first.
        monkeypatch.setattr(thread_cache, "THREAD_CACHE", thread_cache.ThreadCache())

    return begin


async def test_kept_threads_need_no_more_of_the_system(no_threads):
    """What was taken at the start works on, gives results and errors, and ends when told."""
    threads = Threads(2, "test")
    threads.start()
    no_threads()
    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)
    threads.close()
    while [each for each in threading.enumerate() if each.name == "test"]:  # noqa: ASYNC110
        await trio.sleep(0.001)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        await threads.run(divmod, 7, 2)


async def test_work_that_is_cancelled_before_its_turn_is_not_done():
    """A thread does no work that nobody waits for; work that was begun is waited for."""
    threads, gate, done = Threads(1, "test"), threading.Event(), []

    def work(number):
        done.append(number)
        gate.wait(20)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(threads.run, work, 1)
        await until(lambda: done)
        with trio.CancelScope() as scope:
            scope.cancel()
            await threads.run(work, 2, abandon_on_cancel=True)
        with trio.move_on_after(0):
            await threads.run(work, 3, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()
        gate.set()
    await threads.run(done.append, 4)
    assert done == [1, 4]
    threads.close()


async def test_requests_go_on_without_new_threads(no_threads):
    """Where the system gives none, requests are done one after the other, which is said once."""
    log = Events()
    workers = Workers(Scarcity(log))
    workers.start()
    no_threads()
    limiter = trio.CapacityLimiter(4)
    results = []

    async def ask(number):
        results.append(await workers.run(limiter, divmod, number, 2))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(ask, number)
    assert sorted(results) == [divmod(number, 2) for number in range(10)]
    [line] = log.kept
    assert (line["event"], line["level"]) == ("out of threads", "warning")
    workers.close()


async def test_other_errors_of_the_work_stay_what_they_are():
    """A RuntimeError of the work itself is not taken for a want of threads."""
    workers = Workers(Scarcity(Events()))

    def fail():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await workers.run(trio.CapacityLimiter(1), fail)


def test_a_pool_without_threads_lets_its_callers_work(no_threads):
    """Hashing goes on in the caller's thread, and in the pool's as soon as there are any."""
    pool = Pool(3)
    before = threading.Thread.start
    no_threads()
    seen = []

    def task():
        seen.append(threading.current_thread().name)
        return b"done"

    assert pool.run([task, task]) == [b"done"] * 2
    assert seen == [threading.current_thread().name] * 2
    threading.Thread.start = before
    assert pool.run([task, task]) == [b"done"] * 2
    assert all(name.startswith("leaves-") for name in seen[2:])


async def test_a_machine_without_new_threads_signs_and_makes_keys(tmp_path, nursery, no_threads):
    """With what it took at its start a machine serves every kind of request."""
    machine = make_machine(tmp_path)
    service = make_service(machine, Events())
    service.start()
    nursery.start_soon(service.pipeline.run)
    key = install_key(machine)
    no_threads()
    peers = [await join(nursery, service).greet() for _ in range(8)]
    for peer in peers:
        await peer.send(m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"m"))
    assert sorted([(await peer.receive()).leaf for peer in peers]) == list(range(8))
    started = await peers[0].ask(m.GenerateLms(**H5_W4))
    assert isinstance(await peers[0].ask(m.ContinueLms(handle=started.handle)), m.LmsChunk)
    assert (await peers[1].ask(m.ListSlots())).slots == []
    service.close()


def test_one_place_asks_for_threads():
    """Who works for requests goes through threads.py, where a want of threads ends nothing."""
    rooms = Path(daemon.__file__).parent, Path(threads_module.__file__).parent
    asking = {
        path.name
        for room in rooms
        for path in room.glob("*.py")
        if re.search(r"to_thread\.|threading\.Thread\(", path.read_text())
    }
    assert asking == {"threads.py", "log_writer.py"}

"""What the system may give no more of: what is said, what is served, and what goes on meanwhile."""

import errno
import os
import re
import resource
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from seeclient.signing import new_token
from server.serverkit import (
    ESN,
    H5_W4,
    HELLO,
    NO_FILE,
    Events,
    install_key,
    join,
    make_machine,
    make_service,
    name_of,
    running,
    until,
)
from trio.testing import wait_all_tasks_blocked

from seemachine.commands import refusal
from seemachine.config import Config, LimitSettings
from seemachine.lms.engines.pool import Pool
from seemachine.server import descriptors, promises, serve, start
from seemachine.server.descriptors import OWN, PASSING, share
from seemachine.server.promises import Shortfall, System, shortfalls, system
from seemachine.server.scarcity import SAY_AGAIN_SECONDS, Scarcity
from seemachine.server.session import Conversation
from seemachine.server.sparing import SparingLog
from seemachine.server.threads import Threads, Workers
from seemachine.shortage import ADVICE, DESCRIPTORS, MEMORY, ROOM, THREADS, lacking
from seemachine.state.file import FileStore
from seemachine.state.sqlite import SqliteStore
from seemachine.wire import messages as m
from seemachine.wire.framing import FrameBuffer
from seemachine.wire.status import Status

NO_THREAD = RuntimeError("can't start new thread")
MIB = 1 << 20


@pytest.fixture
def no_threads(monkeypatch):
    """Called in a test, the system gives no thread from then on."""

    def begin():
        def refuse(thread):
            raise NO_THREAD

        monkeypatch.setattr(threading.Thread, "start", refuse)

    return begin


# ---------------------------------------------------------------- which errors, and what is said


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (OSError(errno.EMFILE, ""), DESCRIPTORS),
        (OSError(errno.ENFILE, ""), DESCRIPTORS),
        (OSError(errno.ENOBUFS, ""), MEMORY),
        (OSError(errno.ENOMEM, ""), MEMORY),
        (MemoryError(), MEMORY),
        (NO_THREAD, THREADS),
        (RuntimeError("another"), ""),
        (OSError(errno.EIO, ""), ""),
        (OSError("without a number"), ""),
        (ValueError(), ""),
    ],
)
def test_errors_that_say_what_is_missing(error, lack):
    """One place knows them, and a client is told to try again later, not that it is a bug."""
    assert lacking(error) == lack
    refused = refusal(m.ListSlots(), error)
    told = refused.detail == f"the machine is out of {lack} in slot_list; try again later"
    assert told is bool(lack)
    assert refused.status is not Status.Failed or not lack


async def test_it_is_said_once_and_then_once_a_minute(mock_clock):
    """However often something is missing, a line a minute says how often, and what to do."""
    log = Events()
    scarcity = Scarcity(log)
    for _ in range(1000):
        assert scarcity.met(OSError(errno.EMFILE, ""))
    mock_clock.jump(SAY_AGAIN_SECONDS)
    assert scarcity.met(OSError(errno.EMFILE, ""))
    assert scarcity.met(MemoryError())
    assert not scarcity.met(OSError(errno.EIO, ""))
    assert [(line["event"], line["times"]) for line in log.kept] == [
        ("out of descriptors", 1),
        ("out of descriptors", 1000),
        ("out of memory", 1),
    ]
    assert "raise the limit of open files" in log.kept[0]["detail"]


# ---------------------------------------------------------------- what is promised


SHARES = [(512, 256), (511, 256), (200, 75), (128, 48), (64, 24), (32, 12), (8, 3)]


@pytest.mark.parametrize(("allowed", "served"), SHARES)
def test_few_descriptors_serve_few_connections(allowed, served):
    """Half of few descriptors are the machine's own, some are for those who come and go."""
    found = share(allowed, 256)
    assert found.connections == served
    assert found.enough is (allowed >= 512)
    assert found.connections < found.sockets < allowed


@pytest.mark.parametrize("connections", [1, 2, 100, 256, 300, 2048, 1 << 27])
def test_enough_descriptors_serve_all_that_is_promised(connections):
    """With what it asks for a machine serves as many as its settings say."""
    found = share(connections + OWN + PASSING, connections)
    assert (found.connections, found.enough) == (connections, True)


@pytest.mark.parametrize("error", [ValueError("not allowed"), OSError(errno.EPERM, "")])
def test_a_limit_that_can_not_be_raised_is_taken_as_it_is(error, monkeypatch):
    """Whatever the system answers to the wish for more, the machine has what it had."""

    def refuse(kind, limits):
        raise error

    monkeypatch.setattr(descriptors.resource, "setrlimit", refuse)
    limits = (64, resource.RLIM_INFINITY)
    monkeypatch.setattr(descriptors.resource, "getrlimit", lambda _kind: limits)
    assert descriptors.allow(1 << 27) == share(64, 1 << 27)


def test_what_does_not_fit_is_said_with_what_to_do(tmp_path):
    """Each kind on its own; what does fit is not mentioned."""
    config = Config(esn=ESN, world=tmp_path)
    few = System(memory=600 * MIB, used=100 * MIB, threads=20, room=MIB)
    found = list(shortfalls(config, share(64, 256), 20, few))
    assert found == [
        Shortfall(DESCRIPTORS, 64, 512, 24),
        Shortfall(MEMORY, 600 * MIB, 996 * MIB, 58),
        Shortfall(THREADS, 20, 28),
        Shortfall(ROOM, MIB, 16 * MIB),
    ]
    assert [short.told["detail"] for short in found] == [
        f"{ADVICE[DESCRIPTORS]}, or lower limits.connections",
        f"{ADVICE[MEMORY]}, or lower limits.connections",
        ADVICE[THREADS],
        ADVICE[ROOM],
    ]
    [least] = shortfalls(config, share(512, 256), 20, System(memory=MIB))
    assert least.connections == 8
    for plenty in (System(), System(memory=996 * MIB, used=100 * MIB, threads=28, room=16 * MIB)):
        assert list(shortfalls(config, share(512, 256), 20, plenty)) == []


def test_as_many_are_served_as_everything_is_enough_for(tmp_path, monkeypatch):
    """The scarcest decides; the log has a line for each."""
    config = Config(esn=ESN, world=tmp_path, limits=LimitSettings(connections=200))
    monkeypatch.setattr(start, "descriptors_for", lambda connections: share(200, connections))
    few = System(memory=428 * MIB, used=0)
    monkeypatch.setattr(start, "system", lambda _folder: few)
    log = Events()
    fitting, most = start.fitted(config, log)
    assert fitting == replace(config, limits=LimitSettings(connections=22))
    assert most == 100
    told = [(line["of"], line["connections"]) for line in log.kept]
    assert told == [(DESCRIPTORS, 75), (MEMORY, 22)]


def test_the_system_is_asked(tmp_path):
    """Memory in use and room on the disk are what they are; limits are those of this process."""
    found = system(tmp_path)
    assert found.used > MIB
    assert found.room > 0


@pytest.mark.parametrize(("text", "found"), [("20\n", 20), ("max\n", None), (None, None)])
def test_a_service_has_a_limit_of_threads_too(text, found, tmp_path):
    """That of its control group, where there is one."""
    (tmp_path / "cgroup").write_text("1:name=systemd:/old\n0::/system.slice/one\n")
    folder = tmp_path / "system.slice" / "one"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "pids.max").write_text(text)
    assert promises._of_service(tmp_path / "cgroup", tmp_path) == found


# ---------------------------------------------------------------- threads


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
    room = Path(serve.__file__).parent
    asking = {path.name for path in room.glob("*.py") if re.search(r"to_thread\.|threading\.Thread\(", path.read_text())}
    assert asking == {"threads.py"}


# ---------------------------------------------------------------- memory


class Starving:
    """A function of the machine that finds no memory so many times."""

    def __init__(self, real, times):
        self.real, self.times = real, times

    def __call__(self, *arguments, **options):
        if self.times:
            self.times -= 1
            raise MemoryError
        return self.real(*arguments, **options)


@pytest.mark.parametrize("place", ["_both", "_look_ahead", "_reserve"])
async def test_the_pipeline_outlives_a_want_of_memory(place, tmp_path, nursery):
    """A batch that fails is refused, and the next one is signed with another leaf."""
    machine = make_machine(tmp_path)
    service = make_service(machine, Events())
    pipeline = service.pipeline
    setattr(pipeline, place, Starving(getattr(pipeline, place), 1))
    nursery.start_soon(pipeline.run)
    key = install_key(machine)
    results = []

    async def sign():
        asked = m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"m")
        results.append(await pipeline.sign(asked))

    await sign()
    async with trio.open_nursery() as both:
        both.start_soon(sign)
        both.start_soon(sign)
    await sign()
    leaves = [result.leaf for result in results if isinstance(result, m.NvmemfileSigned)]
    refused = [result for result in results if not isinstance(result, m.NvmemfileSigned)]
    assert {result.status for result in refused} <= {Status.OSErrorErrno}
    assert results[-1].leaf == max(leaves)
    assert len(set(leaves)) == len(leaves)


async def test_a_page_that_could_not_be_hashed_ahead_costs_nobody_anything(tmp_path, nursery):
    """What fails in the background is tried again by the signature that needs it."""
    machine = make_machine(tmp_path)
    service = make_service(machine, Events())
    nursery.start_soon(service.pipeline.run)
    key = install_key(machine)
    peer = await join(nursery, service).greet()
    real, failed = machine.keys.page, []

    def page(lease, leaf):
        if leaf == 7:
            failed.append(leaf)
            raise MemoryError
        return real(lease, leaf)

    machine.keys.page = page
    machine.keys.next_page = lambda _lease, _leaf: 7
    for leaf in range(2):
        asked = m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"m")
        assert (await peer.ask(asked)).leaf == leaf
        await until(lambda: failed)


async def test_a_session_without_memory_ends_alone(tmp_path, monkeypatch):
    """Logged as what it is, not as a bug, and only that connection is lost."""
    async with running(tmp_path) as machine:
        other, unlucky = await machine.greeted(), await machine.greeted()
        assert isinstance(await other.ask(m.GenerateLms(**H5_W4)), m.LmsStarted)
        with monkeypatch.context() as patch:
            patch.setattr(Conversation, "_receive", Starving(None, 1))
            await unlucky.send(NO_FILE)
            assert await unlucky.rest() == b""
        await until(lambda: machine.log.named("out of memory"))
        assert not machine.log.named("bug in a session")
        assert (await other.ask(NO_FILE)).status is Status.NotAvailable


async def test_a_client_waits_for_memory_where_a_stranger_is_closed(tmp_path, monkeypatch):
    """Who has done something is read on as soon as there is memory; what it sent is not lost."""
    async with running(tmp_path) as machine:
        client, stranger = await machine.greeted(), await machine.greeted()
        assert isinstance(await client.ask(m.GenerateLms(**H5_W4)), m.LmsStarted)
        real, starving = FrameBuffer.add, Starving(None, 1)

        def add(buffer, data):
            if b"nosuch" in data and starving.times:
                starving()
            real(buffer, data)

        monkeypatch.setattr(FrameBuffer, "add", add)
        assert (await client.ask(NO_FILE)).status is Status.NotAvailable
        assert machine.log.named("out of memory")
        assert await stranger.rest() == b""


@pytest.mark.parametrize("kind", [SqliteStore, FileStore])
@pytest.mark.parametrize("written", [False, True])
async def test_nvram_outlives_a_want_of_memory(kind, written, tmp_path, nursery):
    """A leaf whose writing found no memory is lost, or kept for its request; others follow."""
    store = kind(tmp_path / "hsm" / ESN)
    machine = make_machine(tmp_path, store=store)
    service = make_service(machine, Events())
    nursery.start_soon(service.pipeline.run)
    key = install_key(machine)
    real, failures = store._write, [MemoryError()]

    def write(changes):
        if failures and written:
            real(changes)
        if failures:
            raise failures.pop()
        real(changes)

    store._write = write
    asked = [m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"m") for _ in range(2)]
    refused = await service.pipeline.sign(asked[0])
    assert refused.status is Status.OSErrorErrno
    assert refused.detail == "the machine is out of memory in nvmemfile_sign; try again later"
    assert (await service.pipeline.sign(asked[1])).leaf == 1
    assert (await service.pipeline.sign(asked[0])).leaf == (0 if written else 2)
    store.close()
    again = kind(tmp_path / "hsm" / ESN)
    assert again.get(name_of(key)).next == (2 if written else 3)
    again.close()


async def test_a_log_without_memory_harms_nobody(mock_clock):
    """A line for which there is no memory is left out."""

    class Full:
        def warning(self, *_event, **_details):
            raise MemoryError

    SparingLog(Full()).warning("event")


# ---------------------------------------------------------------- at the door


async def test_a_crowd_waits_at_the_door_for_sockets(tmp_path):
    """With so many in hand no other is taken; those who wait are served as soon as one has left."""
    async with running(tmp_path, most=3) as machine:
        first, second, third = [await machine.greeted() for _ in range(3)]
        fourth, fifth = await machine.connect(), await machine.connect()
        await fourth.send(HELLO)
        await fifth.send(HELLO)
        assert (await first.ask(NO_FILE)).status is Status.NotAvailable
        assert machine.sessions == 3
        await second.stream.aclose()
        assert isinstance(await fourth.receive(), m.Greeting)
        await third.stream.aclose()
        assert isinstance(await fifth.receive(), m.Greeting)
        assert machine.sessions == 3


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, ""), MemoryError()])
async def test_looking_for_others_at_the_door_may_fail(error, tmp_path, monkeypatch):
    """Whatever is missing when several are let in together, the machine lets in the next ones."""
    async with running(tmp_path) as machine:
        starving = [error]

        def others(listener, count):
            if starving:
                raise starving.pop()
            return iter(())

        monkeypatch.setattr(serve, "_others", others)
        first, second = await machine.greeted(), await machine.greeted()
        assert not starving
        assert len([line for line in machine.log.kept if line["event"].startswith("out of")]) == 1
        for peer in (first, second):
            assert (await peer.ask(NO_FILE)).status is Status.NotAvailable


async def test_others_at_the_door_need_no_descriptor_to_be_seen(tmp_path, monkeypatch):
    """To look at the door costs none, and closes none."""
    async with running(tmp_path) as machine:
        [listener] = machine.daemon._listeners
        before = listener.socket.fileno()
        monkeypatch.setattr(os, "dup", None)
        monkeypatch.setattr(socket, "fromfd", None)
        assert list(serve._others(listener, 5)) == []
        assert listener.socket.fileno() == before
        await machine.greeted()


async def test_tidying_outlives_a_want_of_anything(tmp_path, mock_clock):
    """What keeps the NVRAM from being tidied is said, and tried again a minute later."""
    async with running(tmp_path) as machine:
        failures = [MemoryError(), ZeroDivisionError("a bug")]

        def tidy():
            raise failures.pop(0)

        machine.service.machine.store.tidy = tidy
        for said in ("out of memory", "bug while tidying"):
            await wait_all_tasks_blocked()
            mock_clock.jump(serve.TIDY_SECONDS)
            await until(lambda said=said: machine.log.named(said))
        assert isinstance(await (await machine.connect()).ask(HELLO), m.Greeting)

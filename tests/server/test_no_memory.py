"""No memory at some moment: whose request fails, whose connection, and what goes on."""

import pytest
import trio
from kit.daemons import running
from kit.logs import Events
from kit.services import H5_W4, NO_FILE, join, make_machine, make_service, name_of
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token

from seemachine.server.log_limits import SparingLog
from seemachine.server.session import Conversation
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.testing import ESN, install_key
from seemachine.wire import messages as m
from seemachine.wire.framing import FrameBuffer
from seemachine.wire.status import Status


class Starving:
    """A function of the machine that finds no memory so many times."""

    def __init__(self, real, times):
        self.real, self.times = real, times

    def __call__(self, *arguments, **options):
        if self.times:
            self.times -= 1
            raise MemoryError
        return self.real(*arguments, **options)


@pytest.mark.parametrize("place", ["_sign", "look", "_reserve"])
async def test_the_pipeline_outlives_a_want_of_memory(place, tmp_path, nursery):
    """A batch that fails is refused, and the next one is signed with another leaf."""
    machine = make_machine(tmp_path)
    service = make_service(machine, Events())
    pipeline = service.pipeline
    of = pipeline._ahead if place == "look" else pipeline
    setattr(of, place, Starving(getattr(of, place), 1))
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
        def write(self, *_event):
            raise MemoryError

    SparingLog(Full()).warning("event")

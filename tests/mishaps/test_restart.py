"""A machine that starts again in its process: connections drop, NVRAM is closed and opened."""

import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.commands import generate, hash_key
from kit.mishaps import Bench
from kit.services import Peer
from kit.signatures import MESSAGE
from kit.waiting import until
from kit.whens import COUNT, SCHEDULE, SEEDED
from seeclient.algorithms.lms.signing import new_token

from seemachine.process.gate import GateShut
from seemachine.server.crew import Allotment, Crew
from seemachine.server.serving import serve
from seemachine.state.errors import StateCorrupt
from seemachine.wire import messages as m
from seemachine.wire.status import PeerMisuse, Status

NO_FILE = m.GetNvmemfileInfo(file=b"lmsnosuchke")


@dataclass
class Serving:
    """A machine that is served on a port."""

    bench: Bench
    allotment: Allotment
    starts: list[tuple[str, int]] = field(default_factory=list)
    stop: trio.Event = field(default_factory=trio.Event)
    over: trio.Event = field(default_factory=trio.Event)
    peers: list[Peer] = field(default_factory=list)

    async def run(self) -> None:
        """To the end."""

        async def on_ready(host: str, port: int) -> None:
            self.starts.append((host, port))

        try:
            await serve(self.bench.held, self.allotment, self.stop, on_ready)
        finally:
            self.over.set()

    async def peer(self) -> Peer:
        """A new client."""
        self.peers.append(Peer(await trio.open_tcp_stream(*self.starts[-1])))
        return await self.peers[-1].greet()

    def restart(self) -> None:
        """As a request that meets the fault does."""
        self.bench.faults.add("restart")
        self.bench.faults.meet(NO_FILE)

    async def restarted(self) -> None:
        """Restart it, and wait until it is up."""
        before = len(self.starts)
        self.restart()
        await until(lambda: len(self.starts) > before)


@contextlib.asynccontextmanager
async def serving(*benches: Bench) -> AsyncIterator[list[Serving]]:
    """Machines of one process, for the length of a block."""
    crew = Crew(len(benches))
    made = [Serving(bench, Allotment(crew=crew)) for bench in benches]
    async with trio.open_nursery() as nursery:
        for each in made:
            nursery.start_soon(each.run)
        await until(lambda: all(each.starts for each in made))
        yield made
        for each in made:
            each.stop.set()
            await each.over.wait()
            for peer in each.peers:
                await trio.aclose_forcefully(peer.stream)
    crew.close()
    for bench in benches:
        bench.close()


@pytest.fixture(params=["sqlite", "file", "memory"])
def store(request: pytest.FixtureRequest) -> str:
    """Each kind of store."""
    return str(request.param)


async def sign(peer: Peer, file: bytes, token: bytes = b"", message: bytes = MESSAGE) -> Any:
    """A signature, or the refusal, or None when the machine is gone."""
    return await peer.ask(m.NvmemfileSign(file=file, token=token or new_token(), message=message))


async def dropped(peer: Peer) -> bool:
    """Whether a connection ends without a word."""
    try:
        return await peer.receive() is None
    except (PeerMisuse, trio.BrokenResourceError):
        return True


async def test_connections_drop_and_leaves_go_on(tmp_path: Path, store: str) -> None:
    """On the same port, in the same NVRAM, opened once more; what came before comes again."""
    async with serving(Bench(tmp_path, store)) as [one]:
        file, token = one.bench.singular(), new_token()
        epoch = one.bench.held.machine.store.epoch
        peer = await one.peer()
        first = await sign(peer, file, token)
        await one.restarted()
        assert await dropped(peer)
        peer = await one.peer()
        assert await sign(peer, file, token) == first
        assert (await sign(peer, file)).leaf == 1
        assert one.bench.held.machine.store.epoch == epoch + (store != "memory")
        assert one.starts[0] == one.starts[1]
        assert one.bench.log.named("restarts")


async def test_a_leaf_that_waits_for_its_digest_is_burned(tmp_path: Path, store: str) -> None:
    """Nobody can say any more which digest it had."""
    async with serving(Bench(tmp_path, store)) as [one]:
        file, token = one.bench.singular(), new_token()
        peer = await one.peer()
        reserved = await peer.ask(m.NvmemfileReserve(file=file, token=token))
        await one.restarted()
        peer = await one.peer()
        digest = m.NvmemfileSignDigest(file=file, token=token, digest=b"d" * 24)
        assert "waits for no digest any more, and is burned" in (await peer.ask(digest)).detail
        assert (await sign(peer, file)).leaf == reserved.leaf + 1


async def test_a_request_that_is_under_way_is_dropped(tmp_path: Path, store: str) -> None:
    """A key in the making goes on from its checkpoint where there is one; its thread has ended when
    the NVRAM is closed.
    """
    async with serving(Bench(tmp_path, store)) as [one]:
        peer = await one.peer()
        started = await peer.ask(generate(expchunk=2, label="release"))
        step = m.ContinueLms(handle=started.handle)
        assert (await peer.ask(step)).remaining == started.remaining - 1
        await peer.send(step)
        await one.restarted()
        # Its reply, if it was at the point of being sent; then nothing more.
        assert await dropped(peer) or await dropped(peer)
        peer = await one.peer()
        resumed = await peer.ask(m.ResumeLms(label="release"))
        if store == "memory":
            assert resumed.status is Status.UnknownID
        else:
            assert resumed.remaining in (started.remaining - 1, started.remaining - 2)


async def test_who_connects_meanwhile_waits(tmp_path: Path) -> None:
    """The port is never shut: a client that comes back at once is served when the machine is up.
    That is once nobody is at the NVRAM: it is not closed under a thread.
    """
    bench = Bench(tmp_path)
    async with serving(bench) as [one]:
        file = bench.singular()
        inside, leave, machine = threading.Event(), threading.Event(), bench.held.machine
        guarded = one.allotment.gate.through(lambda: inside.set() or leave.wait(20))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.to_thread.run_sync, guarded))
            await until(inside.is_set)
            one.restart()
            await until(lambda: bench.log.named("restarts"))
            peer = Peer(await trio.open_tcp_stream(*one.starts[0]))
            one.peers.append(peer)
            await trio.sleep(0.1)
            assert len(one.starts) == 1
            assert bench.held.machine is machine
            leave.set()
        await peer.greet()
        assert (await sign(peer, file)).leaf == 0


async def test_a_unix_socket_stays_too(tmp_path: Path) -> None:
    """The same file before and after, and none once the machine has stopped."""
    path = tmp_path / "sockets" / "see.sock"
    bench = Bench(tmp_path / "world", "memory", socket=str(path))
    async with serving(bench) as [one]:
        file, before = bench.singular(), path.stat().st_ino
        await one.restarted()
        assert path.stat().st_ino == before
        one.peers.append(Peer(await trio.open_unix_socket(path)))
        assert (await sign(await one.peers[-1].greet(), file)).leaf == 0
    assert not path.exists()


async def test_work_for_the_last_opening_is_not_begun(tmp_path: Path) -> None:
    """What waited for a thread when the machine started again finds the gate shut."""
    async with serving(Bench(tmp_path)) as [one]:
        late = one.allotment.gate.through(lambda: None)
        await one.restarted()
        with pytest.raises(GateShut):
            late()
        one.allotment.gate.through(lambda: None)()


async def test_one_of_many_starts_again(tmp_path: Path) -> None:
    """The others of its process keep their connections."""
    benches = [Bench(tmp_path / str(number), "sqlite") for number in range(3)]
    async with serving(*benches) as machines:
        files = [bench.singular() for bench in benches]
        peers = [await each.peer() for each in machines]
        for _ in range(2):
            await machines[1].restarted()
        assert await dropped(peers[1])
        peers[1] = await machines[1].peer()
        for peer, file in zip(peers, files, strict=True):
            assert (await sign(peer, file)).leaf == 0
        assert [len(each.starts) for each in machines] == [1, 3, 1]


async def test_told_to_stop_while_it_starts_again(tmp_path: Path) -> None:
    """It stops, also where a thread that it waits for does not end."""
    bench = Bench(tmp_path)
    async with serving(bench) as [one]:
        one.allotment.gate._enter()
        one.restart()
        await until(lambda: bench.log.named("restarts"))
        one.stop.set()
        await one.over.wait()
        one.allotment.gate._leave()


async def test_an_nvram_that_does_not_open_again_ends_the_machine(tmp_path: Path) -> None:
    """With the sentence of a start; its port is free."""
    bench = Bench(tmp_path)
    place = []

    async def spoil() -> None:
        async with serving(bench) as [one]:
            place.extend(one.starts[0])
            bench.config.folder.joinpath("nvram.db").write_bytes(b"")
            one.restart()
            await one.over.wait()

    with pytest.raises(ExceptionGroup) as raised:
        await spoil()
    assert raised.group_contains(StateCorrupt)
    with pytest.raises(OSError, match="all attempts to connect"):
        await trio.open_tcp_stream(*place)
    bench.close()


def test_a_seeded_machine_makes_no_key_again(tmp_path: Path, store: str) -> None:
    """The same seed and the same machine, started again: other keys."""
    bench = Bench(tmp_path, store, seed="7")
    keys = []
    for _ in range(3):
        keys.append(hash_key(bench.session()).public_key)
        bench.held.restart()
    assert len(set(keys)) == 3
    bench.close()


async def test_no_leaf_signs_twice_through_restarts(tmp_path: Path, store: str) -> None:
    """Clients that sign and ask again under their tokens while the machine restarts again and
    again: by chance, at every other request, and at each for a while.
    """
    bench = Bench(tmp_path, store)
    when = {"sqlite": SEEDED, "file": COUNT, "memory": SCHEDULE}
    bench.faults.add(f"restart times=6 {when[store]}")
    async with serving(bench) as [one]:
        files = [bench.singular() for _ in range(3)]

        async def client(number: int) -> None:
            for turn in range(12):
                file, message = files[(number + turn) % 3], b"%d %d" % (number, turn)
                request, reply = (
                    m.NvmemfileSign(file=file, token=new_token(), message=message),
                    None,
                )
                while not isinstance(reply, m.NvmemfileSigned):
                    with contextlib.suppress(
                        OSError, trio.BrokenResourceError, PeerMisuse, AssertionError
                    ):
                        peer = await one.peer()
                        reply = await peer.ask(request)
                bench.came_out(request, reply.signature)

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(client, number)
        assert bench.faults.listing()[0].fired == 6
        assert len(one.starts) > 2
        bench.check()
        assert len({(file, leaf) for file, leaf, _ in bench.signed}) == len(bench.signed) == 36

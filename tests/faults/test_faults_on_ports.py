"""Faults where there is a real port."""

from pathlib import Path

import pytest
import trio
from kit.certificates import Pki
from kit.daemons import Running, running
from kit.frames import asked_frame
from kit.services import HELLO, NO_FILE, Peer, name_of
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token

from seemachine.faults import Injector
from seemachine.testing import QUICK, install_key
from seemachine.wire import messages as m
from seemachine.wire.status import PeerMisuse


def injecting(machine: Running, line: str) -> Injector:
    """Its faults, from before anybody connects."""
    injector = Injector()
    injector.add(line)
    machine.service.machine.faults = injector
    return injector


@pytest.mark.parametrize(("kind", "taken"), [("drop-before", 0), ("drop-after", 1), ("tear", 1)])
async def test_a_connection_ends_in_order(tmp_path: Path, kind: str, taken: int) -> None:
    """What was sent arrives, then the end; the place is free again, and others are served."""
    async with running(tmp_path) as machine:
        hsm = machine.service.machine
        key = install_key(hsm, tree=QUICK["lms"], ots=QUICK["lmots"])
        injecting(machine, f"{kind} on=signing times=1")
        peer, other = await machine.greeted(), await machine.greeted()
        request = m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"m")
        await peer.send(request)
        half = await peer.rest()
        assert bool(half) is (kind == "tear")
        await peer.stream.aclose()
        file = hsm.store.get(name_of(key))
        assert file is not None
        assert file.next == taken
        assert (await other.ask(request)).leaf == 0
        await until(lambda: machine.sessions == 1)
    assert not machine.log.named("bug in a session")


async def test_a_hasty_client_is_cut_off_too(tmp_path: Path) -> None:
    """What it sent after the request that met the fault is not carried out."""
    async with running(tmp_path) as machine:
        injecting(machine, "drop-before on=nvmemfile_list")
        peer = await machine.connect()
        frames = (HELLO, m.ListNvmemfiles(), NO_FILE)
        await peer.stream.send_all(
            b"".join(asked_frame(n, each) for n, each in enumerate(frames, 1))
        )
        try:
            received = await peer.rest()
        except trio.BrokenResourceError:
            received = b""
        asked = [each["command"] for each in machine.log.named("request")]
        assert asked == ["hello"]
        assert len(received) < 1000
    assert not machine.log.named("bug in a session")


async def test_a_stop_waits_for_no_delay(tmp_path: Path) -> None:
    """The machine answers at once, and is gone."""
    async with running(tmp_path) as machine:
        injecting(machine, "delay seconds=100 on=slot_list")
        peer = await machine.greeted()
        await peer.send(m.ListSlots())
        await trio.sleep(0.05)
        machine.stop.set()
        with trio.fail_after(5):
            assert isinstance(await peer.receive(), m.SlotListing)
            await machine.ended.wait()


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "tear"])
async def test_over_tls_it_is_the_same(tmp_path: Path, kind: str) -> None:
    """The client never takes the end for a reply."""
    pki = Pki(tmp_path / "pki")
    async with running(tmp_path, tls=pki.machine()) as machine:
        injecting(machine, f"{kind} on=slot_list")
        wire = await trio.open_tcp_stream(machine.host, machine.port)
        context = pki.context("client-admin")
        peer = Peer(trio.SSLStream(wire, context, server_hostname="localhost"))
        machine.peers.append(Peer(wire))
        await peer.greet()
        with trio.fail_after(5), pytest.raises((trio.BrokenResourceError, PeerMisuse)):
            assert await peer.ask(m.ListSlots())
        await trio.aclose_forcefully(wire)
        await until(lambda: not machine.sessions)
    assert not machine.log.named("bug in a session")

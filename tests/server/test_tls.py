"""door.py and tls.py: who is let in over TLS, on a real port, and that limits and the drain hold
there, too.
"""

import contextlib
import ssl
import time

import pytest
import trio
from kit.certificates import Pki
from kit.daemons import running
from kit.services import H5_W4, HELLO, NO_FILE, GatedEngine, Peer, name_of
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token

from seemachine import commands
from seemachine.server.farewell import FAREWELL_SECONDS
from seemachine.testing import install_key
from seemachine.wire import messages as m
from seemachine.wire.roles import ClientRole
from seemachine.wire.status import Status, StatusError


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Certificates of all kinds."""
    return Pki(tmp_path_factory.mktemp("pki"))


@contextlib.asynccontextmanager
async def secured(world, pki, **options):
    """A daemon that takes only TLS."""
    async with running(world, tls=pki.machine(), **options) as machine:
        yield machine


async def connect(machine, context):
    """A connection over TLS that has said nothing yet.

    As far as the client sees, the handshake is done.
    """
    wire = await trio.open_tcp_stream(machine.host, machine.port)
    peer = Peer(trio.SSLStream(wire, context, server_hostname="localhost"))
    machine.peers.append(Peer(wire))
    await peer.stream.do_handshake()
    return peer


def refused(reply, status):
    """Whether a reply is a refusal of that status."""
    return isinstance(reply, StatusError) and reply.status is status


async def test_a_client_with_a_certificate_is_served(tmp_path, pki):
    """TLS 1.3, and the client's name in every line of the log."""
    async with secured(tmp_path, pki) as machine:
        peer = await (await connect(machine, pki.context("client-admin"))).greet()
        assert refused(await peer.ask(NO_FILE), Status.NotAvailable)
        assert peer.stream.version() == "TLSv1.3"
        assert {event["client"] for event in machine.log.named("request")} == {"client admin"}
        assert machine.log.named("ready")[0]["tls"] is True
        # A close without an error, which over TLS is one with close_notify.
        await peer.stream.aclose()
        await until(lambda: machine.sessions == 0)
        assert not machine.log.named("peer gone")


# ---------------------------------------------------------------- who is not let in

# Certificate, newest version of the client, the alert that it gets, what the log says.
REJECTED = {
    "expired": (
        "expired",
        "TLSv1_3",
        "CERTIFICATE_EXPIRED",
        "client certificate: certificate has expired",
    ),
    "not yet valid": (
        "future",
        "TLSv1_3",
        "BAD_CERTIFICATE",
        "client certificate: certificate is not yet valid",
    ),
    "of another CA": (
        "other",
        "TLSv1_3",
        "UNKNOWN_CA",
        "client certificate: unable to get local issuer certificate",
    ),
    "a machine's": (
        "machine-other-esn",
        "TLSv1_3",
        "UNSUPPORTED_CERTIFICATE",
        "client certificate: unsuitable certificate purpose",
    ),
    "none": (None, "TLSv1_3", "CERTIFICATE_REQUIRED", "no client certificate"),
}


@pytest.mark.parametrize("what", REJECTED)
async def test_a_client_without_a_good_certificate_is_not_let_in(what, tmp_path, pki):
    """It gets an alert that says why, even when it has said hello already, and the log has one line
    with the reason.
    """
    name, newest, alert, reason = REJECTED[what]
    async with secured(tmp_path, pki) as machine:
        peer = await connect(machine, pki.context(name, ssl.TLSVersion[newest]))
        with pytest.raises(trio.BrokenResourceError) as broken:
            await peer.ask(HELLO)
        assert alert in broken.value.__cause__.reason
        await trio.aclose_forcefully(peer.stream)
        await until(lambda: machine.sessions == 0)
        [line] = machine.log.named("not admitted")
        assert (line["level"], line["reason"]) == ("warning", reason)
        assert machine.log.named("request") == []
        await (await connect(machine, pki.context("client-use"))).greet()


async def test_older_versions_are_not_spoken(tmp_path, pki):
    """A client that knows only TLS 1.2 is told so by an alert."""
    async with secured(tmp_path, pki) as machine:
        with pytest.raises(trio.BrokenResourceError) as broken:
            await connect(machine, pki.context("client-use", ssl.TLSVersion.TLSv1_2))
        assert "PROTOCOL_VERSION" in broken.value.__cause__.reason
        await until(lambda: machine.log.named("not admitted"))
        assert [line["reason"] for line in machine.log.named("not admitted")] == [
            "the client does not speak TLS 1.3"
        ]


@pytest.mark.parametrize("name", ["no-role", "unknown-role", "two-roles", "no-name"])
async def test_a_certificate_that_does_not_say_enough_is_told_so_in_a_frame(name, tmp_path, pki):
    """A good chain without a role or a name is refused in words, and the connection is closed in
    order.
    """
    async with secured(tmp_path, pki) as machine:
        peer = await connect(machine, pki.context(name))
        reply = await peer.ask(HELLO)
        assert refused(reply, Status.AccessDenied)
        assert "the client certificate " in reply.detail
        assert await peer.receive() is None
        await peer.stream.aclose()
        await until(lambda: machine.sessions == 0)
        [line] = machine.log.named("not admitted")
        assert line["reason"] == reply.detail


async def test_a_plain_client_is_told_that_the_port_takes_tls(tmp_path, pki):
    """Frames on a port with TLS get a frame that says what to do."""
    async with secured(tmp_path, pki) as machine:
        peer = await machine.connect()
        reply = await peer.ask(HELLO)
        assert refused(reply, Status.AccessDenied)
        assert "this port takes TLS only" in reply.detail
        assert await peer.receive() is None
        [line] = machine.log.named("not admitted")
        assert line["reason"] == "sent something else than TLS"


async def test_tls_on_a_plain_port_is_named_in_the_log(tmp_path, pki):
    """A machine without TLS says in its log what was sent to it; the client finds no TLS."""
    async with running(tmp_path) as machine:
        with pytest.raises(trio.BrokenResourceError) as broken:
            await connect(machine, pki.context("client-use"))
        assert broken.value.__cause__.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
        await until(lambda: machine.log.named("misuse"))
        assert [line["detail"] for line in machine.log.named("misuse")] == [
            "TLS was sent to a port without TLS"
        ]


@pytest.mark.parametrize(
    "data", [b"", b"\x16", b"\x16\x03\x01", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff"]
)
async def test_who_hangs_up_or_talks_nonsense_costs_one_line(data, tmp_path, pki):
    """Half a handshake, or a broken one, ends one connection and nothing else."""
    async with secured(tmp_path, pki) as machine:
        peer = await machine.connect()
        await peer.stream.send_all(data)
        await peer.stream.aclose()
        await until(lambda: machine.log.named("not admitted") and machine.sessions == 0)
        assert len(machine.log.named("not admitted")) == 1
        assert not machine.log.named("bug in a session")
        await (await connect(machine, pki.context("client-use"))).greet()


# ---------------------------------------------------------------- roles

ASKED = {
    "use": m.ListSlots(),
    "provision": m.GenerateLms(**H5_W4),
}


@pytest.mark.parametrize("role", ["use", "provision", "admin"])
async def test_a_request_beyond_the_role_is_refused_and_the_connection_stays(role, tmp_path, pki):
    """Each role does what it may and nothing more; a refusal names the role that it takes."""
    async with secured(tmp_path, pki) as machine:
        peer = await (await connect(machine, pki.context(f"client-{role}"))).greet()
        for needed, request in ASKED.items():
            reply = await peer.ask(request)
            if ClientRole[role.upper()] >= ClientRole[needed.upper()]:
                assert isinstance(reply, request.Reply)
            else:
                assert refused(reply, Status.AccessDenied)
                assert (
                    f"client {role} has the role {role}, and the role {needed} is needed in"
                    f" {request.NAME}; " in reply.detail
                )
        assert isinstance(await peer.ask(m.ListSlots()), m.SlotListing)


async def test_a_signature_needs_no_more_than_use(tmp_path, pki):
    """The signing pipeline serves the smallest role."""
    async with secured(tmp_path, pki) as machine:
        key = install_key(machine.service.machine)
        peer = await (await connect(machine, pki.context("client-use"))).greet()
        assert (
            await peer.ask(m.NvmemfileSign(file=name_of(key), token=new_token(), message=b""))
        ).leaf == 0


async def whose(machine, peer, monkeypatch):
    """The client that a connection's session has."""
    seen = []
    monkeypatch.setitem(
        commands.COMMANDS,
        m.ListSlots,
        lambda session, _: seen.append(session.client),
    )
    await peer.send(m.ListSlots())
    await until(lambda: seen)
    return seen[0]


async def test_a_session_knows_its_client(tmp_path, pki, monkeypatch):
    """Over TLS it is the name of the certificate."""
    async with secured(tmp_path, pki) as machine:
        peer = await (await connect(machine, pki.context("client-use"))).greet()
        assert await whose(machine, peer, monkeypatch) == "client use"


async def test_without_tls_a_session_knows_the_address(tmp_path, monkeypatch):
    """Who reaches a plain port is known by address, without the port."""
    async with running(tmp_path) as machine:
        assert await whose(machine, await machine.greeted(), monkeypatch) == "127.0.0.1"


# ---------------------------------------------------------------- limits and the drain


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01"])
async def test_a_handshake_has_a_limit(begun, tmp_path, pki, mock_clock):
    """Who does not get on with the handshake takes a place from the start, and is hung up on in
    time.
    """
    async with secured(tmp_path, pki, handshake_seconds=3) as machine:
        peer = await machine.connect()
        await peer.stream.send_all(begun)
        await until(lambda: machine.sessions == 1 and machine.service.idle)
        mock_clock.jump(2.9)
        await until(lambda: machine.sessions == 1)
        mock_clock.jump(0.2)
        with contextlib.suppress(trio.BrokenResourceError):
            assert await peer.rest() == b""
        await until(lambda: machine.sessions == 0)
        assert [line["reason"] for line in machine.log.named("not admitted")] == [
            "no TLS handshake within 3 s"
        ]


async def test_the_one_too_many_is_told_so_over_tls(tmp_path, pki):
    """Where nobody can make room, the next client gets its refusal over TLS, in order, and there is
    room again later.
    """
    async with secured(tmp_path, pki, connections=1) as machine:
        working = await connect(machine, pki.context("client-provision"))
        await working.greet()
        assert isinstance(await working.ask(m.GenerateLms(**H5_W4)), m.LmsStarted)
        late = await connect(machine, pki.context("client-use"))
        reply = await late.ask(HELLO)
        assert refused(reply, Status.ObjectInUse)
        assert await late.receive() is None
        await late.stream.aclose()
        await working.stream.aclose()
        await until(lambda: machine.sessions == 0)
        await (await connect(machine, pki.context("client-use"))).greet()


async def test_last_words_arrive_while_the_client_is_sending(tmp_path, pki):
    """A refusal is not lost because the machine leaves bytes unread."""
    async with secured(tmp_path, pki) as machine:
        peer = await (await connect(machine, pki.context("client-use"))).greet()
        await peer.stream.send_all(b"\xff" * 100_000)
        began = time.monotonic()
        words = await peer.stream.receive_some(1 << 16)
        assert b"over the limit" in words
        assert await peer.stream.receive_some(1 << 16) == b""
        assert time.monotonic() - began < FAREWELL_SECONDS
        await until(lambda: machine.sessions == 0)


async def test_who_is_in_mid_handshake_does_not_hold_up_a_drain(tmp_path, pki, mock_clock):
    """A machine that is told to stop waits for requests, not for handshakes; on this clock no limit
    would ever come.
    """
    async with secured(tmp_path, pki) as machine:
        await machine.connect()
        await until(lambda: machine.service.idle)
        machine.stop.set()
        await machine.ended.wait()
        assert machine.log.named("not admitted") == []


async def test_a_drain_ends_tls_sessions_in_order(tmp_path, pki):
    """Idle ones get close_notify at once, the busy one its reply and then close_notify."""
    engine = GatedEngine()
    async with secured(tmp_path, pki, engine=engine) as machine:
        idle, busy = [
            await (await connect(machine, pki.context("client-admin"))).greet() for _ in range(2)
        ]
        started = await busy.ask(m.GenerateLms(**H5_W4))
        before = engine.entered
        await busy.send(m.ContinueLms(handle=started.handle))
        await until(lambda: engine.entered > before)
        machine.stop.set()
        # Without close_notify this would raise BrokenResourceError.
        assert await idle.rest() == b""
        engine.gate.set()
        assert isinstance(await busy.receive(), m.LmsChunk)
        assert await busy.receive() is None
        await machine.ended.wait()


async def test_the_drain_has_an_end_with_tls(tmp_path, pki, mock_clock):
    """A request that takes longer than the drain's time is cut off."""
    engine = GatedEngine()
    async with secured(tmp_path, pki, engine=engine, drain_seconds=7) as machine:
        busy = await (await connect(machine, pki.context("client-admin"))).greet()
        started = await busy.ask(m.GenerateLms(**H5_W4))
        await busy.send(m.ContinueLms(handle=started.handle))
        await until(lambda: engine.entered)
        machine.stop.set()
        await until(lambda: machine.log.named("draining"))
        mock_clock.jump(7)
        await machine.ended.wait()
        assert machine.sessions == 0
        engine.gate.set()


async def test_no_tickets_are_sent(tmp_path, pki):
    """Nothing but replies comes from a machine, so that clients can tell at the socket whether an
    idle connection was closed.
    """
    async with secured(tmp_path, pki) as machine:
        peer = await (await connect(machine, pki.context("client-use"))).greet()
        await trio.to_thread.run_sync(time.sleep, 0.1)
        assert not peer.stream.transport_stream.socket.is_readable()
        assert isinstance(await peer.ask(m.ListSlots()), m.SlotListing)
        assert not peer.stream.session.has_ticket


async def test_waiting_for_a_card_leaves_the_stream_in_order(tmp_path, pki):
    """Waiting is broken off by the time, while the machine listens for the client: what is sent
    afterwards is read as ever.
    """
    async with secured(tmp_path, pki, request_seconds=2) as machine:
        peer = await (await connect(machine, pki.context("client-admin"))).greet()
        for seconds in (0, 1, 0):
            wait = m.WaitForCard(kind="blank", slot=2, seconds=seconds)
            assert refused(await peer.ask(wait), Status.NotAvailable)
        assert isinstance(await peer.ask(m.ListSlots()), m.SlotListing)
        await peer.send(m.WaitForCard(kind="blank", slot=2, seconds=60))
        await peer.stream.aclose()
        await until(lambda: machine.sessions == 0)

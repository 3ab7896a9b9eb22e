"""serve.py: a daemon in this process, on a real port."""

import contextlib
import errno
import os
import socket
import time

import pytest
import trio
from kit.daemons import running
from kit.logs import Events
from kit.services import H5_W4, HELLO, NO_FILE, GatedEngine, make_machine, name_of
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token
from trio.testing import wait_all_tasks_blocked

from seemachine.config import Config, LimitSettings
from seemachine.server import daemon as daemon_module
from seemachine.server import doors, unix_sockets
from seemachine.server.crowd import FAREWELLS
from seemachine.server.daemon import Daemon
from seemachine.server.farewell import FAREWELL_SECONDS
from seemachine.server.ports import CannotListen, open_listeners
from seemachine.server.session import Conversation
from seemachine.testing import ESN, install_key
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError
from seemachine.world import World


async def busy_session(machine, engine):
    """A session whose chunk is being hashed for as long as the engine's gate is shut."""
    peer = await machine.greeted()
    started = await peer.ask(m.GenerateLms(**H5_W4))
    before = engine.entered
    await peer.send(m.ContinueLms(handle=started.handle))
    await until(lambda: engine.entered > before)
    return peer


def refused(reply, status):
    """Whether a reply is a refusal of that status."""
    return isinstance(reply, StatusError) and reply.status is status


async def test_sessions_over_a_socket(tmp_path):
    """A daemon tells where it listens, serves who connects, and counts its sessions."""
    async with running(tmp_path) as machine:
        [ready] = machine.log.named("ready")
        assert (ready["host"], ready["port"]) == ("127.0.0.1", machine.port)
        first, second = await machine.greeted(), await machine.greeted()
        assert machine.sessions == 2
        assert refused(await first.ask(NO_FILE), Status.NotAvailable)
        await first.stream.aclose()
        await until(lambda: machine.sessions == 1)
        assert refused(await second.ask(NO_FILE), Status.NotAvailable)


# ---------------------------------------------------------------- too many


async def working(machine):
    """A connection for which something was done."""
    peer = await machine.greeted()
    assert isinstance(await peer.ask(m.GenerateLms(**H5_W4)), m.LmsStarted)
    return peer


async def test_a_connection_over_the_limit_is_turned_away(tmp_path):
    """The one too many is told so and closed; those before it go on, and there is room again once
    one of them has left.
    """
    async with running(tmp_path, connections=2) as machine:
        first, second = await working(machine), await working(machine)
        third = await machine.connect()
        reply = await third.ask(HELLO)
        assert refused(reply, Status.ObjectInUse)
        assert "2 connections at most" in reply.detail
        assert await third.receive() is None
        [line] = machine.log.named("too many connections")
        assert (line["level"], line["detail"]) == (
            "warning",
            "this machine serves 2 connections at most",
        )
        for peer in (first, second):
            assert refused(await peer.ask(NO_FILE), Status.NotAvailable)
        await first.stream.aclose()
        await third.stream.aclose()
        await until(lambda: machine.sessions == 1)
        fourth = await machine.greeted()
        assert refused(await fourth.ask(NO_FILE), Status.NotAvailable)


async def test_a_newcomer_gets_the_place_of_one_that_did_nothing(tmp_path):
    """With all places taken, the oldest connection that only said hello is closed, with a line in
    the log, and the newcomer is served.
    """
    async with running(tmp_path, connections=3) as machine:
        busy, idle, silent = (
            await working(machine),
            await machine.greeted(),
            await machine.connect(),
        )
        newcomer = await working(machine)
        assert await idle.rest() == b""
        assert machine.sessions == 3
        await until(lambda: machine.log.named("made room for another"))
        assert isinstance(await silent.ask(HELLO), m.Greeting)
        for peer in (busy, newcomer):
            assert refused(await peer.ask(NO_FILE), Status.NotAvailable)


async def test_one_that_says_no_hello_is_closed(tmp_path, mock_clock):
    """After the greeting time a connection without hello is closed without a word, with a line in
    the log.
    """
    async with running(tmp_path, greeting_seconds=3) as machine:
        silent, other = await machine.connect(), await machine.greeted()
        await until(lambda: machine.sessions == 2)
        mock_clock.jump(3)
        assert await silent.rest() == b""
        await until(lambda: machine.log.named("no hello in time"))
        assert refused(await other.ask(NO_FILE), Status.NotAvailable)


async def test_one_that_connects_too_fast_is_closed_unheard(tmp_path, mock_clock):
    """Beyond its rate an address gets no word, and what it has open goes on."""
    async with running(tmp_path, peer_connections_per_second=1) as machine:
        first, _ = await machine.greeted(), await machine.greeted()
        assert await received(await machine.connect()) == b""
        assert len(machine.log.named("connects too fast")) == 1
        assert refused(await first.ask(NO_FILE), Status.NotAvailable)
        mock_clock.jump(1)
        await machine.greeted()


async def received(peer):
    """Everything up to a close, be it a hard one."""
    try:
        return await peer.rest()
    except trio.BrokenResourceError:
        return b""


async def test_last_words_are_for_so_many_at_a_time(tmp_path, mock_clock):
    """A crowd at the door is told the reason as far as there is room for farewells; the others are
    just closed.
    """
    async with running(tmp_path, connections=1) as machine:
        await working(machine)
        crowd = [await machine.connect() for _ in range(FAREWELLS + 5)]
        told = [await received(peer) for peer in crowd]
        assert sum(b"connections at most" in words for words in told) == FAREWELLS
        assert told.count(b"") == 5


async def test_a_long_round_of_the_loop_is_made_up_for(tmp_path):
    """When nobody has looked at the door for a while, several are let in together."""
    async with running(tmp_path) as machine:
        await machine.greeted()
        with contextlib.ExitStack() as callers:
            for _ in range(40):
                callers.enter_context(socket.create_connection((machine.host, machine.port)))
            time.sleep(0.2)  # noqa: ASYNC251
            for _ in range(20):
                await trio.lowlevel.checkpoint()
            assert machine.sessions >= 30


async def test_one_that_is_turned_away_and_stays_is_hung_up_on(tmp_path, mock_clock):
    """Who does not leave after the last words gets the time of a farewell, and then the connection
    is gone on both sides.
    """
    async with running(tmp_path, connections=1) as machine:
        await working(machine)
        turned_away = await machine.connect()
        assert b"connections at most" in await turned_away.rest()
        await turned_away.stream.send_all(b"but why")
        mock_clock.jump(FAREWELL_SECONDS)
        with pytest.raises(trio.BrokenResourceError):
            await go_on_talking(turned_away)


async def go_on_talking(peer):
    """Send until the other end is gone."""
    for _ in range(5000):
        await peer.stream.send_all(b"x")
        await trio.to_thread.run_sync(time.sleep, 0.001)


async def test_those_turned_away_take_nobodys_place(tmp_path, mock_clock):
    """Connections over the limit that linger do not keep out somebody for whom there is room."""
    async with running(tmp_path, connections=1) as machine:
        first = await working(machine)
        for _ in range(3):
            await machine.connect()
        await until(lambda: len(machine.log.named("too many connections")) == 3)
        await first.stream.aclose()
        await until(lambda: machine.sessions == 0)
        next_one = await machine.connect()
        assert isinstance(await next_one.ask(HELLO), m.Greeting)


# ---------------------------------------------------------------- the client is gone


async def test_a_client_gone_in_mid_request_leaks_nothing(tmp_path):
    """When the work of a vanished client is done, its session, its thread and its
    socket are gone.
    """
    engine = GatedEngine()
    async with running(tmp_path, engine=engine) as machine:
        peer = await busy_session(machine, engine)
        await peer.stream.aclose()
        engine.gate.set()
        await until(lambda: machine.sessions == 0)
        service = machine.service
        assert (service.hashing.borrowed_tokens, service.others.borrowed_tokens, service.idle) == (
            0,
            0,
            set(),
        )


async def test_a_reset_connection_costs_one_session(tmp_path):
    """A peer that resets its connection in the middle of a frame is not a bug, and nobody else
    notices.
    """
    async with running(tmp_path) as machine:
        other = await machine.greeted()
        peer = await machine.greeted()
        await peer.stream.send_all(b"\0\0")
        peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await peer.stream.aclose()
        await until(lambda: machine.sessions == 1)
        assert refused(await other.ask(NO_FILE), Status.NotAvailable)
        assert not machine.log.named("bug in a session")


async def test_a_bug_in_one_session_stays_there(tmp_path, monkeypatch):
    """An exception that no session should raise ends that session, is logged, and leaves the
    machine running.
    """

    async def broken(conversation):
        raise RuntimeError("a bug")

    async with running(tmp_path) as machine:
        other = await machine.greeted()
        with monkeypatch.context() as patch:
            patch.setattr(Conversation, "run", broken)
            assert await (await machine.connect()).rest() == b""
        [line] = machine.log.named("bug in a session")
        assert line["level"] == "exception"
        assert refused(await other.ask(NO_FILE), Status.NotAvailable)
        assert isinstance(await (await machine.connect()).ask(HELLO), m.Greeting)


# ---------------------------------------------------------------- stopping


async def test_told_to_stop_it_drains(tmp_path):
    """Idle sessions end at once, new ones are not accepted, a request under way is answered, and
    then the daemon returns.
    """
    engine = GatedEngine()
    async with running(tmp_path, engine=engine) as machine:
        idle, busy = await machine.greeted(), await busy_session(machine, engine)
        machine.stop.set()
        assert await idle.rest() == b""
        with pytest.raises(OSError, match="connect"):
            await machine.connect()
        assert not machine.ended.is_set()
        engine.gate.set()
        assert isinstance(await busy.receive(), m.LmsChunk)
        assert await busy.receive() is None
        await machine.ended.wait()
        assert [event["event"] for event in machine.log.kept if event["event"] != "request"] == [
            "ready",
            "draining",
            "stopped",
        ]


async def test_a_signature_under_way_survives_the_drain(tmp_path):
    """The pipeline outlives the sessions: a page that is being hashed for a signature still leads
    to it.
    """
    engine = GatedEngine()
    async with running(tmp_path, engine=engine) as machine:
        key = install_key(machine.service.machine)
        signer = await machine.greeted()
        await signer.send(
            m.NvmemfileSign(file=name_of(key), token=new_token(), message=b"last words")
        )
        await until(lambda: engine.entered)
        machine.stop.set()
        await until(lambda: machine.log.named("draining"))
        engine.gate.set()
        assert (await signer.receive()).leaf == 0
        await machine.ended.wait()


async def test_the_drain_has_an_end(tmp_path, mock_clock):
    """A request that takes longer than the drain's time is cut off, and the daemon returns."""
    engine = GatedEngine()
    async with running(tmp_path, engine=engine, drain_seconds=7) as machine:
        busy = await busy_session(machine, engine)
        machine.stop.set()
        await until(lambda: machine.log.named("draining"))
        mock_clock.jump(6)
        await wait_all_tasks_blocked()
        assert not machine.ended.is_set()
        mock_clock.jump(1)
        await machine.ended.wait()
        assert await busy.rest() == b""
        assert machine.sessions == 0
        engine.gate.set()


# ---------------------------------------------------------------- listening


def taken_port():
    """A socket that holds a port of its own."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    return holder


def daemon_at(world, port, **settings):
    """A daemon that is meant to listen at a port."""
    return Daemon(
        make_machine(world),
        Config(esn=ESN, port=port, world=World.at(world), store="memory", **settings),
        Events(),
    )


async def close(daemon):
    """Give the port back."""
    for listener in daemon._listeners:
        await listener.aclose()


async def test_a_taken_port_is_refused_with_advice(tmp_path):
    """Without leave to search, the port that was asked for is the only one tried."""
    with taken_port() as holder:
        port = holder.getsockname()[1]
        with pytest.raises(
            CannotListen, match=f"port {port} of 127.0.0.1 is taken; choose another with --port"
        ):
            await daemon_at(tmp_path, port)._listen()


async def test_a_taken_port_is_passed_over_when_searching(tmp_path):
    """With leave to search, a port that is free is found and told."""
    with taken_port() as holder:
        daemon = daemon_at(tmp_path, holder.getsockname()[1], search_port=True)
        host, port = await daemon._listen()
        assert port not in (0, holder.getsockname()[1])
        with socket.create_connection((host, port)):
            pass
        await close(daemon)


async def test_the_search_does_not_run_over_the_last_port(tmp_path, monkeypatch):
    """Beyond port 65535 the search takes any port; it never asks for one that does not exist."""
    asked = []

    async def refuse_all_but_any(port, **options):
        asked.append(port)
        if port:
            raise OSError(errno.EADDRINUSE, "in use")
        return await trio.open_tcp_listeners(0, host="127.0.0.1")

    monkeypatch.setattr(
        daemon_module.trio,
        "open_tcp_listeners",
        Switch(trio.open_tcp_listeners, refuse_all_but_any),
    )
    daemon = daemon_at(tmp_path, 65533, search_port=True)
    await daemon._listen()
    assert asked == [65533, 65534, 65535, 0]
    await close(daemon)


class Switch:
    """A stand-in for a function, that calls the real one from within itself."""

    def __init__(self, real, fake):
        self._real, self._fake, self._inside = real, fake, False

    async def __call__(self, *arguments, **options):
        if self._inside:
            return await self._real(*arguments, **options)
        self._inside = True
        try:
            return await self._fake(*arguments, **options)
        finally:
            self._inside = False


async def test_an_address_of_somebody_else_is_refused(tmp_path):
    """A host that is not this one's is told with the system's reason."""
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1 port 0: "):
        await daemon_at(tmp_path, 0, host="192.0.2.1", insecure_bind=True)._listen()


@pytest.mark.parametrize("where", [{}, {"socket": "s.sock", "tcp": False}])
async def test_who_lacks_descriptors_to_listen_is_told_what_to_raise(tmp_path, monkeypatch, where):
    """On a port, and on a Unix socket."""

    def lacking(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(trio, "open_tcp_listeners", lacking)
    monkeypatch.setattr(unix_sockets, "_listening", lacking)
    daemon = daemon_at(tmp_path, 0, **where)
    with pytest.raises(CannotListen, match=r"Too many open files; raise .*\(ulimit -n"):
        await daemon._listen()


class Exhausted:
    """A listener whose first calls find no descriptor left."""

    def __init__(self, real, errors):
        self._real, self._errors, self.socket = real, list(errors), real.socket

    async def accept(self):
        """A connection, sooner or later."""
        if self._errors:
            raise OSError(self._errors.pop(0), "none left")
        return await self._real.accept()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *reason):
        await self._real.aclose()


async def test_running_out_of_descriptors_is_waited_out(tmp_path, nursery, monkeypatch):
    """An accept that fails for want of resources is logged and tried again."""
    log = Events()
    daemon = Daemon(
        make_machine(tmp_path),
        Config(esn=ESN, port=0, world=World.at(tmp_path), store="memory", limits=LimitSettings()),
        log,
    )
    ready = []

    async def exhausted(*arguments):
        opened = await open_listeners(*arguments)
        return [Exhausted(listener, [errno.EMFILE, errno.ENOBUFS]) for listener in opened]

    monkeypatch.setattr(doors, "open_listeners", exhausted)

    async def on_ready(*address):
        ready.append(address)

    nursery.start_soon(daemon.run, trio.Event(), on_ready)
    await until(lambda: ready)
    async with await trio.open_tcp_stream(*ready[0]) as stream:
        await stream.send_all(b"\xff\xff\xff\xff")
        assert b"Malformed" in await stream.receive_some(1 << 16)
    [line] = log.named("out of descriptors")
    assert (line["level"], line["times"]) == ("warning", 1)
    nursery.cancel_scope.cancel()

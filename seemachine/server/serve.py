"""The daemon's frame: listen, accept within the limit, drain on a signal."""

import errno
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import trio

from seemachine.config import Config
from seemachine.lms.engines import usable_cores
from seemachine.machine import Machine
from seemachine.server.door import Door
from seemachine.server.logs import Log
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.session import Conversation, Service, last_words
from seemachine.state.errors import StateError
from seemachine.wire.link import Link, Role
from seemachine.wire.status import PeerMisuse, Status

BACKLOG = 128
OTHER_THREADS = 16
PORTS_SEARCHED = 100
SIGNALS_TAKEN = 16
TIDY_SECONDS = 60.0


class CannotListen(Exception):
    """The address can't be had."""


class Daemon:
    """A machine on a port."""

    def __init__(self, machine: Machine, config: Config, log: Log) -> None:
        self._config = config
        self._log = log
        self._service = Service(
            machine=machine,
            pipeline=SigningPipeline(machine),
            log=log,
            hashing=trio.CapacityLimiter(usable_cores()),
            others=trio.CapacityLimiter(OTHER_THREADS),
        )
        self._door = Door(config, self._service)
        self._open = 0
        self._listeners: list[trio.SocketListener] = []

    async def run(self, on_ready: Callable[[str, int], None]) -> None:
        """Listen, say where, serve until SIGTERM or SIGINT, then drain. Raises CannotListen."""
        # From before the address is known to after the last reply: no signal may end the process out of order.
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            on_ready(*await self._listen())
            async with trio.open_nursery() as background:
                background.start_soon(self._service.pipeline.run)
                background.start_soon(self._tidy)
                async with trio.open_nursery() as sessions:
                    await self._accept_until(signals, sessions)
                    self._drain(sessions)
                background.cancel_scope.cancel()
            # Further signals changed nothing; left in the receiver they would be raised again at its end.
            async with trio.open_nursery() as rest:
                rest.start_soon(_take_all, signals)
                for _ in range(SIGNALS_TAKEN):
                    await trio.lowlevel.checkpoint()
                rest.cancel_scope.cancel()
        self._log.info("stopped")

    async def _tidy(self) -> None:
        """Destroy now and then what the NVRAM keeps no longer."""
        while True:
            await trio.sleep(TIDY_SECONDS)
            try:
                await trio.to_thread.run_sync(self._service.machine.store.tidy)
            except StateError as error:
                self._log.warning("cannot tidy", detail=str(error))

    async def _accept_until(self, signals: AsyncIterator[int], sessions: trio.Nursery) -> None:
        async with trio.open_nursery() as accepting:
            for listener in self._listeners:
                accepting.start_soon(self._accept, listener, sessions)
            await anext(signals)
            accepting.cancel_scope.cancel()

    async def _listen(self) -> tuple[str, int]:
        self._listeners = await self._open_listeners()
        host, port = self._listeners[0].socket.getsockname()[:2]
        self._log.info("ready", host=host, port=port, **self._about())
        return host, port

    async def _open_listeners(self) -> list[trio.SocketListener]:
        for port in self._ports():
            try:
                return await trio.open_tcp_listeners(port, host=self._config.host or None, backlog=BACKLOG)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise CannotListen(f"cannot listen on {self._config.host} port {port}: {error.strerror or error}") from error
        raise CannotListen(f"port {self._config.port} of {self._config.host} is taken; choose another with --port, or 0 for any")

    def _ports(self) -> Iterator[int]:
        yield self._config.port
        if self._config.search_port and self._config.port:
            yield from range(self._config.port + 1, min(self._config.port + PORTS_SEARCHED, 65536))
            yield 0

    async def _accept(self, listener: trio.SocketListener, sessions: trio.Nursery) -> None:
        async with listener:
            while True:
                try:
                    stream = await listener.accept()
                except OSError as error:
                    if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                        raise
                    self._log.warning("cannot accept", detail=error.strerror)
                    await trio.sleep(0.1)
                    continue
                sessions.start_soon(self._converse, stream)

    async def _converse(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                peer = _peer(stream)
                if self._open >= self._config.limits.connections:
                    await self._turn_away(stream, peer)
                else:
                    await self._serve(stream, peer)
        # A bug in one session must not take the machine from the others.
        except Exception:  # noqa: BLE001
            self._log.exception("bug in a session")

    async def _serve(self, stream: trio.SocketStream, peer: str) -> None:
        self._open += 1
        try:
            admitted = await self._door.admit(stream, peer)
            if admitted is not None:
                await Conversation(self._service, admitted[0], peer, admitted[1]).run()
                await self._door.part(admitted[0])
        finally:
            self._open -= 1

    async def _turn_away(self, stream: trio.SocketStream, peer: str) -> None:
        self._log.warning("too many connections", peer=peer, limit=self._config.limits.connections)
        busy = PeerMisuse(f"this machine serves {self._config.limits.connections} connections at most; try again later", Status.ObjectInUse)
        admitted = await self._door.admit(stream, peer)
        if admitted is not None:
            await last_words(admitted[0], Link(Role.SERVER).last_words(busy))

    def _drain(self, sessions: trio.Nursery) -> None:
        self._log.info("draining", sessions=self._open, seconds=self._config.limits.drain_seconds)
        self._service.drain()
        sessions.cancel_scope.deadline = trio.current_time() + self._config.limits.drain_seconds

    def _about(self) -> dict[str, Any]:
        machine = self._service.machine
        tls = {"tls": True} if self._config.tls is not None else {}
        return {"model": machine.model, "engine": machine.engine.kernel, "store": self._config.store, **tls, "epoch": machine.store.epoch}


async def _take_all(signals: AsyncIterator[int]) -> None:
    async for _ in signals:
        pass


def _peer(stream: trio.SocketStream) -> str:
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:
        return "gone"
    return f"{host}:{port}"

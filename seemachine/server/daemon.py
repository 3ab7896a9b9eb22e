"""The daemon's frame: listen, accept within the limit, drain when told to stop."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import trio

from seemachine.config import Config
from seemachine.machine import Machine
from seemachine.process.threads import LentThreads
from seemachine.server import upkeep
from seemachine.server.accepting import Acceptor
from seemachine.server.admission import Admission, Seat, TooFast, TurnedAway
from seemachine.server.authentication import Door
from seemachine.server.crew import Allotment, Crew
from seemachine.server.crowd import Crowd
from seemachine.server.doors import Doors
from seemachine.server.log_limits import SparingLog
from seemachine.server.logs import Log
from seemachine.server.peers import Origin, origin_of
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.promptness import Promptness
from seemachine.server.service import Service
from seemachine.server.session import Conversation
from seemachine.witnesses.address import is_url

# Called with host and port.
Ready = Callable[[str, int], Awaitable[None]]


class Daemon:
    """A machine on a port, a Unix socket, or both. What its process has, it is given; it receives
    no signal.
    """

    def __init__(
        self,
        machine: Machine,
        config: Config,
        log: Log,
        allotment: Allotment | None = None,
        doors: Doors | None = None,
    ) -> None:
        """It opens its `doors`, unless they are open from the last time."""
        self._config = config
        self._log = SparingLog(log)
        self._allotment = given = allotment or Allotment()
        self._crew = given.crew or Crew()
        self._service = self._made_service(machine)
        self._door = Door(config, self._service)
        self._admission = Admission(config.limits)
        self._service.scarcity.relieve = self._admission.relieve
        self._acceptor = Acceptor(
            self._admission, given.most, self._service.scarcity, self._converse
        )
        passing = given.most - config.limits.connections
        self._crowd = Crowd(self._door, self._log, passing)
        self._doors = doors or Doors()
        self._listeners = self._doors.listeners
        self._restart = trio.Event()
        self._sessions: trio.Nursery

    def _made_service(self, machine: Machine) -> Service:
        crew, gate = self._crew, self._allotment.gate
        signing, pages = (LentThreads(each, gate) for each in (crew.signing, crew.pages))
        service = Service(
            machine=machine,
            pipeline=SigningPipeline(machine, signing, pages, Promptness(alone=self._is_alone)),
            log=self._log,
            hashing=crew.hashing,
            others=crew.others,
            reading=crew.reading,
        )
        service.workers = crew.workers(service.scarcity, gate)
        return service

    @property
    def _is_alone(self) -> bool:
        """Whether nobody else needs the loop, and a signature asks no database."""
        return self._crew.alone and not is_url(self._config.witness)

    async def run(
        self,
        stop: trio.Event,
        on_ready: Ready,
        on_stopping: Callable[[], None] = lambda: None,
    ) -> bool:
        """Listen, say where and wait until that is heard, serve until `stop` is set, say so, then
        drain.

        Returns whether it broke off instead, to be started again: without a word to anybody, and
        with its doors open. Raises CannotListen.
        """
        if (faults := self._service.machine.faults) is not None:
            faults.when("restart", lambda _fault: self._restart.set())
        with self._threads():
            await self._come_up(on_ready)
            async with trio.open_nursery() as background:
                self._keep_up(background)
                async with trio.open_nursery() as self._sessions:
                    await self._accept_until(stop, self._sessions)
                    if restarts := not stop.is_set():
                        self._sessions.cancel_scope.cancel()
                    else:
                        on_stopping()
                        self._drain(self._sessions)
                background.cancel_scope.cancel()
        self._log.report()
        self._log.info("restarts" if restarts else "stopped")
        return restarts

    async def _come_up(self, on_ready: Ready) -> None:
        try:
            await on_ready(*await self._listen())
        except BaseException:
            # What was opened came to nothing.
            self._doors.shut()
            raise

    def _keep_up(self, background: trio.Nursery) -> None:
        """What goes on beside the sessions."""
        service = self._service
        for task in (service.pipeline.run, service.deadlines.run, service.watch_slots):
            background.start_soon(task)
        background.start_soon(upkeep.tidy, service)
        background.start_soon(upkeep.beat, service, self._crew.beats)
        background.start_soon(self._log.run)

    @property
    def restarts(self) -> bool:
        """Whether it breaks off, to be started again."""
        return self._restart.is_set()

    def attend(self, stream: trio.abc.Stream, peer: str) -> None:
        """Serve who comes by no port, while `run` listens. Raises TurnedAway, TooFast."""
        self._sessions.start_soon(self._attend, stream, peer, self._admission.admit(peer))

    async def _attend(self, stream: trio.abc.Stream, peer: str, seat: Seat) -> None:
        try:
            async with stream:
                with seat.scope:
                    await Conversation(self._service, stream, peer, seat).run()
        except Exception as error:  # noqa: BLE001 - as of a session on the port
            self._service.log_trouble("bug in a session", error)
        finally:
            seat.leave()

    @contextlib.contextmanager
    def _threads(self) -> Iterator[None]:
        self._service.start()
        try:
            yield
        finally:
            self._service.close()
            if self._allotment.crew is None:
                self._crew.close()

    async def _accept_until(self, stop: trio.Event, sessions: trio.Nursery) -> None:
        try:
            async with trio.open_nursery() as accepting:
                for listener in self._listeners:
                    accepting.start_soon(self._acceptor.run, listener, sessions)
                accepting.start_soon(cancel_at, self._restart, accepting.cancel_scope)
                await stop.wait()
                accepting.cancel_scope.cancel()
        finally:
            if stop.is_set() or not self._restart.is_set():
                self._doors.shut()

    async def _listen(self) -> tuple[str, int]:
        """Returns host and port, empty and 0 where the socket is all."""
        doors = self._doors
        if not doors.listeners:
            await doors.open(self._config, self._allotment.reserved)
            if self._config.fixed_port not in (0, doors.port):
                self._log.warning("port is taken", wanted=self._config.port, port=doors.port)
        place = {"host": doors.host, "port": doors.port} if self._config.tcp else {}
        socket = {"socket": str(doors.socket.path)} if doors.socket is not None else {}
        self._log.info("ready", **place, **socket, **self._about())
        return doors.host, doors.port

    async def _converse(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                try:
                    origin = origin_of(stream)
                    seat = self._admission.admit(origin.host)
                except OSError:
                    pass  # gone before it was looked at
                except TooFast:
                    self._log.warning("connects too fast", peer=origin.shown)
                except TurnedAway as full:
                    await self._crowd.turn_away(stream, origin, full)
                else:
                    await self._serve(stream, origin, seat)
        # A bug in one session must not take the machine from the others.
        except Exception as error:  # noqa: BLE001
            self._service.log_trouble("bug in a session", error)

    async def _serve(self, stream: trio.SocketStream, origin: Origin, seat: Seat) -> None:
        peer = origin.shown
        try:
            # The deadline of a hello counts from connecting, so a TLS handshake is within it.
            with seat.scope:
                admitted = await self._door.admit(stream, origin)
                if admitted is not None:
                    await Conversation(self._service, admitted[0], peer, seat, admitted[1]).run()
                    await self._door.part(admitted[0])
        finally:
            seat.leave()
        if seat.scope.cancelled_caught:
            self._log.info("made room for another" if seat.shed else "no hello in time", peer=peer)

    def _drain(self, sessions: trio.Nursery) -> None:
        self._log.info(
            "draining", sessions=len(self._admission), seconds=self._config.limits.drain_seconds
        )
        self._service.drain()
        sessions.cancel_scope.deadline = trio.current_time() + self._config.limits.drain_seconds

    def _about(self) -> dict[str, Any]:
        machine = self._service.machine
        tls = {"tls": True} if self._config.tls is not None else {}
        return {
            "model": machine.model,
            "engine": machine.engine.kernel,
            "store": self._config.store,
            **tls,
            "epoch": machine.store.epoch,
        }


async def cancel_at(event: trio.Event, scope: trio.CancelScope) -> None:
    """Wait for an event, then cancel a scope."""
    await event.wait()
    scope.cancel()

"""The daemon's frame: listen, accept within the limit, drain when told to stop."""

import contextlib
import math
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import trio

from seemachine.config import Config
from seemachine.machine import Machine
from seemachine.process.threads import LentThreads, Workers
from seemachine.server.admission import Admission, Seat, TooFast, TurnedAway
from seemachine.server.authentication import Door
from seemachine.server.crew import Allotment, Crew
from seemachine.server.log_limits import SparingLog
from seemachine.server.logs import Log
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.ports import open_listeners
from seemachine.server.session import Conversation, Service, last_words
from seemachine.state.errors import StateError
from seemachine.wire.link import Link, Role
from seemachine.wire.status import PeerMisuse, Status

# At one time. Last words take up to a second, and a crowd at the door must not use up the
# descriptors.
FAREWELLS = 32
# New connections that are looked at together, and how long a round of the loop is to take for each
# of them.
MOST_AT_ONCE = 32
SECONDS_FOR_ONE = 0.002
TIDY_SECONDS = 60.0
# What was put back after a loss of power goes unnoticed for so long, unless another witness knows
# better.
BEAT_SECONDS = 2.0
# Until another try, when a connection could not be taken for want of something.
SCARCE_SECONDS = 0.1
# Between two looks for a place that may be given to another.
LOOK_SECONDS = 0.01


class Daemon:
    """A machine on a port. What its process has, it is given; it receives no signal."""

    def __init__(
        self, machine: Machine, config: Config, log: Log, allotment: Allotment | None = None
    ) -> None:
        self._config = config
        self._log = SparingLog(log)
        self._allotment = given = allotment or Allotment()
        self._crew = given.crew or Crew()
        self._service = self._made_service(machine)
        self._door = Door(config, self._service)
        self._admission = Admission(config.limits)
        self._service.scarcity.relieve = self._admission.relieve
        self._most = most = given.most
        self._in_hand = 0
        self._left = trio.Event()
        passing = most - config.limits.connections
        self._farewells = trio.Semaphore(max(1, min(FAREWELLS, passing // 2)))
        self._listeners: list[trio.SocketListener] = []

    def _made_service(self, machine: Machine) -> Service:
        crew, gate = self._crew, self._allotment.gate
        stages, pages = (LentThreads(each, gate) for each in (crew.signing, crew.pages))
        service = Service(
            machine=machine,
            pipeline=SigningPipeline(machine, stages, pages),
            log=self._log,
            hashing=crew.hashing,
            others=crew.others,
            reading=crew.reading,
        )
        service.workers = Workers(service.scarcity, LentThreads(crew.kept, gate), gate)
        return service

    async def run(
        self,
        stop: trio.Event,
        on_ready: Callable[[str, int], Awaitable[None]],
        on_stopping: Callable[[], None] = lambda: None,
    ) -> None:
        """Listen, say where and wait until that is heard, serve until `stop` is set, say so, then
        drain.

        Raises CannotListen.
        """
        with self._threads():
            await on_ready(*await self._listen())
            async with trio.open_nursery() as background:
                background.start_soon(self._service.pipeline.run)
                background.start_soon(self._regularly, "tidy", TIDY_SECONDS, "cannot tidy")
                background.start_soon(self._beat)
                background.start_soon(self._log.run)
                async with trio.open_nursery() as sessions:
                    await self._accept_until(stop, sessions)
                    on_stopping()
                    self._drain(sessions)
                background.cancel_scope.cancel()
        self._log.tell()
        self._log.info("stopped")

    @contextlib.contextmanager
    def _threads(self) -> Iterator[None]:
        self._service.start()
        try:
            yield
        finally:
            self._service.close()
            if self._allotment.crew is None:
                self._crew.close()

    async def _regularly(self, duty: str, seconds: float, event: str) -> None:
        """What the NVRAM has to do beside its orders: a method of the store.

        It has no time limit, for it may wait for a disk.
        """
        store = self._service.machine.store
        while True:
            await trio.sleep(seconds)
            try:
                # Some work is cut into steps, lest it keep others waiting.
                while await self._service.workers.run(self._service.others, getattr(store, duty)):
                    pass
            except StateError as error:
                self._log.warning(event, detail=str(error))
            except Exception as error:  # noqa: BLE001
                self._trouble(f"bug: {event}", error)

    async def _beat(self) -> None:
        """Told when something changes.

        On threads that serve nothing else: nobody's long request may keep the witness from it.
        """
        workers, failing = self._service.workers, ""
        while True:
            await trio.sleep(BEAT_SECONDS)
            news, failed = "", ""
            try:
                # At the end left to itself: closing the store waits for it, within a bound.
                news = await workers.run(self._crew.beats, self._service.machine.store.beat)
            except StateError as error:
                failed = str(error)
            except Exception as error:  # noqa: BLE001
                self._trouble("bug: the witness fails", error)
            self._tell_of_witness(news, failed, failing)
            failing = failed

    def _tell_of_witness(self, news: str, failed: str, failing: str) -> None:
        if failed and failed != failing:
            self._log.warning("the witness fails", detail=failed)
        if news or (failing and not failed):
            self._log.warning("the witness answers again", detail=news)

    async def _accept_until(self, stop: trio.Event, sessions: trio.Nursery) -> None:
        async with trio.open_nursery() as accepting:
            for listener in self._listeners:
                accepting.start_soon(self._accept, listener, sessions)
            await stop.wait()
            accepting.cancel_scope.cancel()

    async def _listen(self) -> tuple[str, int]:
        self._listeners = await self._open_listeners()
        host, port = self._listeners[0].socket.getsockname()[:2]
        self._log.info("ready", host=host, port=port, **self._about())
        return host, port

    async def _open_listeners(self) -> list[trio.SocketListener]:
        return await open_listeners(self._config, self._allotment.reserved)

    async def _accept(self, listener: trio.SocketListener, sessions: trio.Nursery) -> None:
        async with listener:
            looked = trio.current_time()
            while True:
                try:
                    room = await self._room()
                    self._take(await listener.accept(), sessions)
                    count = int((trio.current_time() - looked) / SECONDS_FOR_ONE)
                    for another in _others(listener, min(count, room - 1)):
                        self._take(another, sessions)
                except (OSError, MemoryError) as error:
                    if not self._service.scarcity.met(error):
                        raise
                    await trio.sleep(SCARCE_SECONDS)
                looked = trio.current_time()

    async def _room(self) -> int:
        """Wait until somebody may come in; how many."""
        while True:
            most = min(MOST_AT_ONCE + 1, self._most - self._in_hand)
            if room := self._admission.room(most):
                return room
            left = self._left
            with trio.move_on_after(LOOK_SECONDS if most else math.inf):
                await left.wait()

    def _take(self, stream: trio.SocketStream, sessions: trio.Nursery) -> None:
        sessions.start_soon(self._converse, stream)
        self._in_hand += 1

    def _trouble(self, event: str, error: Exception) -> None:
        """For the log: what the system gives no more of, or a bug with its traceback."""
        if not self._service.scarcity.met(error):
            self._log.exception(event)

    async def _converse(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                try:
                    host, peer = _peer(stream)
                    seat = self._admission.admit(host)
                except OSError:
                    pass  # gone before it was looked at
                except TooFast:
                    self._log.warning("connects too fast", peer=peer)
                except TurnedAway as full:
                    await self._turn_away(stream, peer, full)
                else:
                    await self._serve(stream, peer, seat)
        # A bug in one session must not take the machine from the others.
        except Exception as error:  # noqa: BLE001
            self._trouble("bug in a session", error)
        finally:
            self._in_hand -= 1
            self._left.set()
            self._left = trio.Event()

    async def _serve(self, stream: trio.SocketStream, peer: str, seat: Seat) -> None:
        try:
            # The deadline of a hello counts from connecting, so a TLS handshake is within it.
            with seat.scope:
                admitted = await self._door.admit(stream, peer)
                if admitted is not None:
                    await Conversation(self._service, admitted[0], peer, seat, admitted[1]).run()
                    await self._door.part(admitted[0])
        finally:
            seat.leave()
        if seat.scope.cancelled_caught:
            self._log.info("made room for another" if seat.shed else "no hello in time", peer=peer)

    async def _turn_away(self, stream: trio.SocketStream, peer: str, full: TurnedAway) -> None:
        self._log.warning("too many connections", peer=peer, detail=str(full))
        # A crowd that is turned away must not cost a TLS handshake each.
        with contextlib.suppress(trio.WouldBlock):
            self._farewells.acquire_nowait()
            try:
                await self._say_busy(
                    stream, peer, PeerMisuse(f"{full}; try again later", Status.ObjectInUse)
                )
            finally:
                self._farewells.release()

    async def _say_busy(self, stream: trio.SocketStream, peer: str, busy: PeerMisuse) -> None:
        admitted = await self._door.admit(stream, peer)
        if admitted is not None:
            await last_words(admitted[0], Link(Role.SERVER).last_words(busy))

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


def _others(listener: trio.SocketListener, count: int) -> Iterator[trio.SocketStream]:
    """So many more of those who wait at the door, as far as there are any.

    trio accepts one in each round of its loop. While rounds are long, because many sessions have
    much to do, the queue would stand still.
    """
    if count < 1:
        return
    # The very same descriptor: there may be none for another.
    door = socket.socket(fileno=listener.socket.fileno())
    try:
        for _ in range(count):
            try:
                accepted, _ = door.accept()
            except OSError:
                return  # nobody is left; anything worse is told by the next ordinary accept
            yield trio.SocketStream(trio.socket.from_stdlib_socket(accepted))
    finally:
        door.detach()


def _peer(stream: trio.SocketStream) -> tuple[str, str]:
    """Address, and address with port. Raises OSError when it is gone."""
    host, port = stream.socket.getpeername()[:2]
    return host, f"{host}:{port}"

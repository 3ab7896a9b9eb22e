"""Daemons on ports of this process."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from kit import processes
from kit.logs import Events
from kit.processes import RunningMachine
from kit.services import Peer, make_machine

from seemachine.config import Config, LimitSettings, TlsSettings
from seemachine.server.assembly import wire_limits
from seemachine.server.crew import Allotment
from seemachine.server.daemon import Daemon
from seemachine.server.service import Service
from seemachine.testing import ESN
from seemachine.world import World


@contextlib.contextmanager
def slow_machine(home: Path, *options: str) -> Iterator[RunningMachine]:
    """A machine in a process of its own that hashes in plain Python, so that a long step is long
    whatever engine is built here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            processes, "environment", partial(processes.environment, SEEMACHINE_ENGINE="portable")
        )
        with processes.machines(home, (ESN, *options)) as [running]:
            yield running


@dataclass
class Running:
    """A daemon in this process."""

    daemon: Daemon
    host: str
    port: int
    log: Events
    ended: trio.Event
    stop: trio.Event = field(default_factory=trio.Event)
    peers: list[Peer] = field(default_factory=list)

    async def connect(self) -> Peer:
        """A new connection that has said nothing yet."""
        self.peers.append(Peer(await trio.open_tcp_stream(self.host, self.port)))
        return self.peers[-1]

    async def greeted(self) -> Peer:
        """A new connection after hello."""
        return await (await self.connect()).greet()

    @property
    def service(self) -> Service:
        """What its sessions share."""
        service: Service = self.daemon._service
        return service

    @property
    def sessions(self) -> int:
        """Connections that are served now."""
        return len(self.daemon._admission)


@contextlib.asynccontextmanager
async def running(
    world: Path,
    engine: Any = None,
    store: Any = None,
    tls: TlsSettings | None = None,
    most: int = 1 << 20,
    *,
    socket: str = "",
    tcp: bool = True,
    **limits: int,
) -> AsyncIterator[Running]:
    """A daemon on a port of this process, for as long as the block lasts.

    `limits` are those of the configuration; `most` sockets are in hand at one time.
    """
    config = Config(
        esn=ESN,
        port=0,
        socket=socket,
        tcp=tcp,
        world=World.at(world),
        publish=False,
        store="memory",
        limits=LimitSettings(**limits),
        tls=tls,
    )
    hsm = make_machine(world, engine=engine, store=store)
    hsm.limits = wire_limits(config)
    log = Events()
    machine = Running(Daemon(hsm, config, log, Allotment(most)), "", 0, log, trio.Event())
    ready = trio.Event()

    async def on_ready(host: str, port: int) -> None:
        machine.host, machine.port = host, port
        ready.set()

    async def run() -> None:
        await machine.daemon.run(machine.stop, on_ready)
        machine.ended.set()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await ready.wait()
            yield machine
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            for peer in machine.peers:
                await trio.aclose_forcefully(peer.stream)

"""Machines on ports of this process."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from kit.services import converse, make_service

from seemachine.machine import Machine
from seemachine.server.service import Service


@dataclass
class OnPort:
    """A machine on a port of this process. `stop` hangs up on everybody."""

    host: str
    port: int
    service: Service | None
    scope: trio.CancelScope

    @property
    def text(self) -> str:
        """Its address, as SEEMACHINE_FLEET takes it."""
        return f"{self.host}:{self.port}"

    def stop(self) -> None:
        """Nobody is served, and nobody can connect, from now on."""
        self.scope.cancel()


@contextlib.asynccontextmanager
async def answering(
    talk: Callable[[trio.SocketStream], Any], service: Service | None = None
) -> AsyncIterator[OnPort]:
    """A port on which `talk` is had with whoever connects."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listeners[0].socket.getsockname()[:2]

    async def one(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stream:
                await talk(stream)

    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def serve() -> None:
            with scope:
                await trio.serve_listeners(one, listeners)

        nursery.start_soon(serve)
        if service is not None:
            nursery.start_soon(service.pipeline.run)
        yield OnPort(host, port, service, scope)
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def serving(machine: Machine) -> AsyncIterator[OnPort]:
    """A machine on a port."""
    service = make_service(machine)
    async with answering(partial(converse, service), service) as port:
        yield port

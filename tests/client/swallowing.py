"""A network that loses just what a test wants lost: a port in front of a machine, which swallows
chosen requests or replies.
"""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import trio
from kit.processes import RunningMachine

PIECE = 1 << 16
NOTHING: Callable[[], None] = lambda: None  # noqa: E731
# What is lost of an exchange: the request on its way, or the reply, once the machine has done what
# was asked.
REQUEST, REPLY = "the request", "the reply"


@dataclass
class Loss:
    """One exchange that fails: the next request of this name.

    `then` is called once the loss happened, before anybody hears of it.
    """

    name: str
    what: str = REPLY
    then: Callable[[], None] = NOTHING


@dataclass
class Swallower:
    """A port; connections to it lead to wherever the machine is now.

    `swallowed` is what was lost, in order.
    """

    machine: RunningMachine
    port: int = 0
    losses: list[Loss] = field(default_factory=list)
    swallowed: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its address, as SEEMACHINE_FLEET takes it."""
        return f"127.0.0.1:{self.port}"

    def lose(self, name: str, what: str = REPLY, then: Callable[[], None] = NOTHING) -> None:
        """Lose the next exchange of this name that no earlier loss takes."""
        self.losses.append(Loss(name, what, then))

    async def forward(self, client: trio.SocketStream) -> None:
        """One connection, in which each side waits for the other's turn."""
        with contextlib.suppress(OSError, trio.BrokenResourceError):
            async with await trio.open_tcp_stream(
                "127.0.0.1", int(str(self.machine.published()["port"]))
            ) as machine:
                while await self._exchange(client, machine):
                    pass
        await trio.aclose_forcefully(client)

    async def _exchange(self, client: trio.SocketStream, machine: trio.SocketStream) -> bool:
        request = await _frame(client)
        loss = self._loss_of(request)
        if loss is not None and loss.what is REQUEST:
            return await self._swallow(request, loss)
        await machine.send_all(request)
        reply = await _frame(machine)
        if loss is not None:
            return await self._swallow(reply, loss)
        await client.send_all(reply)
        return bool(request and reply)

    def _loss_of(self, request: bytes) -> Loss | None:
        # Behind the length, array and number comes the name, with its own length, in the first
        # bytes.
        for loss in self.losses:
            if bytes([0xA0 + len(loss.name)]) + loss.name.encode() in request[:40]:
                self.losses.remove(loss)
                return loss
        return None

    async def _swallow(self, data: bytes, loss: Loss) -> bool:
        self.swallowed.append(data)
        await trio.to_thread.run_sync(loss.then)
        return False


async def _frame(stream: trio.SocketStream) -> bytes:
    """A whole frame, or what came of it before the end."""
    data = b""
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        piece = await stream.receive_some(PIECE)
        if not piece:
            return data
        data += piece
    return data


@contextlib.asynccontextmanager
async def swallowing(machine: RunningMachine) -> AsyncIterator[Swallower]:
    """The port, for the length of a block."""
    made = Swallower(machine)
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(
            functools.partial(trio.serve_tcp, made.forward, 0, host="127.0.0.1")
        )
        made.port = listener.socket.getsockname()[1]
        yield made
        nursery.cancel_scope.cancel()

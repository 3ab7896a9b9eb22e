"""A network that fails: a port in front of a machine whose connections are cut, at times after the
request and before the reply.
"""

import functools
import random
from collections.abc import Callable

import trio

PIECE = 1 << 16


class Proxy:
    """Forwards connections of one port to wherever `target` says that the machine is now."""

    def __init__(self, target: Callable[[], int], chance: random.Random, cut: float) -> None:
        self._target = target
        self._chance = chance
        self._cut = cut
        self._scopes: set[trio.CancelScope] = set()
        self.port = 0
        self.cuts = 0

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            [listener] = await nursery.start(
                functools.partial(trio.serve_tcp, self._forward, 0, host="127.0.0.1")
            )
            self.port = listener.socket.getsockname()[1]
            task_status.started()

    def cut_all(self) -> None:
        """Cut every connection now."""
        self.cuts += len(self._scopes)
        for scope in tuple(self._scopes):
            scope.cancel()

    async def _forward(self, client: trio.SocketStream) -> None:
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                async with (
                    await trio.open_tcp_stream("127.0.0.1", self._target()) as machine,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(self._pipe, client, machine, nursery, 0.0)
                    nursery.start_soon(self._pipe, machine, client, nursery, self._cut)
            except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            finally:
                self._scopes.discard(scope)
        await trio.aclose_forcefully(client)

    async def _pipe(
        self, source: trio.SocketStream, sink: trio.SocketStream, nursery: trio.Nursery, cut: float
    ) -> None:
        while data := await source.receive_some(PIECE):
            # A reply that was sent and never arrives.
            if self._chance.random() < cut:
                self.cuts += 1
                break
            await sink.send_all(data)
        nursery.cancel_scope.cancel()

"""A connection without TLS, with nothing between it and the system.

The layers of a trio.SocketStream cost a machine as much as its log.
"""

import os

import trio

READ_BYTES = 1 << 16


class PlainStream(trio.abc.HalfCloseableStream):
    """Reads and writes the descriptor of a trio.SocketStream, which stays the one that closes it.

    One task at a time receives, and one sends.
    """

    def __init__(self, wire: trio.SocketStream) -> None:
        self._wire = wire
        self._descriptor = wire.socket.fileno()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See trio. It waits first: what a peer says next is hardly ever there already."""
        while True:
            await trio.lowlevel.wait_readable(self._descriptor)
            try:
                return os.read(self._descriptor, max_bytes or READ_BYTES)
            except BlockingIOError:
                pass
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See trio, but for one thing: what the system takes at once lets no other task run."""
        sent = self._send(data)
        while sent < len(data):
            await trio.lowlevel.wait_writable(self._descriptor)
            sent += self._send(memoryview(data)[sent:])

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        """How many bytes of it the system took."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        """See trio."""
        await self._wire.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """See trio."""
        await self._wire.send_eof()

    async def aclose(self) -> None:
        """See trio."""
        await self._wire.aclose()

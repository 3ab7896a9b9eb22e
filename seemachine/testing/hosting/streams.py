"""What a client in the loop of its machines talks over: memory, in the place of a socket."""

import trio
from seeclient.blocking_wire import READ_BYTES
from trio.testing import memory_stream_pair


class StreamWire:
    """A connection: see seeclient.trio_wire.Wire. `far_end` is for the machine."""

    certificate = None

    def __init__(self) -> None:
        self._near_end, self.far_end = memory_stream_pair()
        self._is_over = False
        sending = self.far_end.send_stream
        self._tell, sending.close_hook = sending.close_hook, self._end

    def _end(self) -> None:
        self._is_over = True
        if self._tell is not None:
            self._tell()

    @property
    def has_news(self) -> bool:
        """Only that the machine has hung up: it says nothing unasked."""
        return self._is_over

    async def send(self, data: bytes) -> None:
        """See Wire."""
        await self._near_end.send_all(data)

    async def receive(self) -> bytes:
        """See Wire."""
        return bytes(await self._near_end.receive_some(READ_BYTES))

    async def close(self) -> None:
        """See Wire."""
        await trio.aclose_forcefully(self._near_end)

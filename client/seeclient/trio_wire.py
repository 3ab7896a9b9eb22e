"""What a connection of trio travels over: a socket, or anything that does the same. Its twin is
blocking_wire.py.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import trio

from seeclient import tls, unix_sockets
from seeclient.blocking_wire import READ_BYTES
from seeclient.effects import Address

if TYPE_CHECKING:
    import ssl

# For TLS to say that it ends.
GOODBYE_SECONDS = 1.0


class Wire(Protocol):
    """Bytes to a machine and back. Raises trio.BrokenResourceError, trio.ClosedResourceError."""

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """What the machine showed, verified, as `ssl` gives it; None without TLS."""

    @property
    def has_news(self) -> bool:
        """Whether something can be received, or the machine is gone."""

    async def send(self, data: bytes) -> None:
        """Send all of it."""

    async def receive(self) -> bytes:
        """Some bytes; none when the machine has closed."""

    async def close(self) -> None:
        """Hang up."""


# Gives a wire to an address, over TLS where there is a context. Raises OSError, UnicodeError, and
# trio.BrokenResourceError where TLS fails.
Connect = Callable[[Address, "ssl.SSLContext | None"], Awaitable[Wire]]


class SocketWire:
    """A socket, perhaps with TLS over it."""

    def __init__(
        self,
        plain: trio.SocketStream,
        stream: trio.abc.Stream,
        certificate: Mapping[str, Any] | None,
    ) -> None:
        self._plain = plain
        self._stream = stream
        self.certificate = certificate

    @property
    def has_news(self) -> bool:
        """See Wire."""
        return bool(self._plain.socket.is_readable())

    async def send(self, data: bytes) -> None:
        """See Wire."""
        await self._stream.send_all(data)

    async def receive(self) -> bytes:
        """See Wire."""
        return bytes(await self._stream.receive_some(READ_BYTES))

    async def close(self) -> None:
        """Over TLS with a goodbye, which has a bound."""
        try:
            if self.certificate is not None:
                with trio.move_on_after(GOODBYE_SECONDS):
                    await self._stream.aclose()
        finally:
            await trio.aclose_forcefully(self._plain)


async def connect(address: Address, context: "ssl.SSLContext | None") -> SocketWire:
    """A socket to an address. Raises OSError, UnicodeError, trio.BrokenResourceError."""
    if address.socket:
        local = await _unix(address.socket)
        return SocketWire(local, local, None)
    plain = await trio.open_tcp_stream(address.host, address.port)
    if context is None:
        return SocketWire(plain, plain, None)
    secured = trio.SSLStream(plain, context, server_hostname=tls.host_name(address))
    try:
        await secured.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(plain)
        raise
    return SocketWire(plain, secured, secured.getpeercert() or {})


async def _unix(path: str) -> trio.SocketStream:
    """What trio has for it takes a full queue for a connection."""
    while True:
        made = unix_sockets.connected(path)
        if made is not None:
            return trio.SocketStream(trio.socket.from_stdlib_socket(made))
        await trio.sleep(unix_sockets.FULL_SECONDS)

"""What a blocking connection travels over: a socket, or anything that does the same. Its twin is
trio_wire.py.
"""

import contextlib
import select
import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from seeclient import tls, unix_sockets
from seeclient.connecting import TIMED_OUT
from seeclient.effects import Address

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5.0
READ_BYTES = 1 << 16


class Wire(Protocol):
    """Bytes to a machine and back. Every call may raise OSError; TimeoutError after `seconds`."""

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """What the machine showed, verified, as `ssl` gives it; None without TLS."""

    @property
    def has_news(self) -> bool:
        """Whether something can be received, or the machine is gone."""

    def send(self, data: bytes, seconds: float) -> None:
        """Send all of it."""

    def receive(self, seconds: float) -> bytes:
        """Some bytes; none when the machine has closed."""

    def close(self) -> None:
        """Hang up. Raises nothing."""


# Gives a wire to an address, over TLS where there is a context. Raises OSError, UnicodeError.
Connect = Callable[[Address, "ssl.SSLContext | None"], Wire]


class SocketWire:
    """A socket, perhaps with TLS over it."""

    def __init__(self, connected: socket.socket, certificate: Mapping[str, Any] | None) -> None:
        self._socket = connected
        self.certificate = certificate

    @property
    def has_news(self) -> bool:
        """Over TLS the same: a machine sends no tickets, and what else it sends but replies is its
        goodbye.
        """
        # Of a descriptor over 1023 `select` does not know that.
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def send(self, data: bytes, seconds: float) -> None:
        """See Wire."""
        self._socket.settimeout(seconds)
        self._socket.sendall(data)

    def receive(self, seconds: float) -> bytes:
        """See Wire."""
        self._socket.settimeout(seconds)
        return self._socket.recv(READ_BYTES)

    def close(self) -> None:
        """Over TLS with close_notify, and without a wait for the machine's."""
        if self.certificate is not None:
            with contextlib.suppress(OSError, ValueError):
                self._socket.settimeout(0)
                self._socket.unwrap()  # type: ignore[attr-defined]
        # Closed alone, it would not wake a thread that waits for a reply.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect(address: Address, context: "ssl.SSLContext | None") -> SocketWire:
    """A socket to an address. Raises OSError, UnicodeError."""
    if address.socket:
        return SocketWire(_unix(address.socket), None)
    plain = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return SocketWire(plain, None)
    try:
        # Closes the socket when it fails.
        secured = context.wrap_socket(plain, server_hostname=tls.host_name(address))
    except TimeoutError:
        raise TimeoutError(TIMED_OUT) from None
    return SocketWire(secured, secured.getpeercert() or {})


def _unix(path: str) -> socket.socket:
    deadline = time.monotonic() + CONNECT_SECONDS
    while (made := unix_sockets.connected(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(TIMED_OUT)
        time.sleep(unix_sockets.FULL_SECONDS)
    return made

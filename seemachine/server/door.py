"""Who is let in. With TLS: a client whose certificate our CA issued, with a role. Without: whoever reaches the port, as `admin`."""

import socket

import trio

from seemachine.config import Config
from seemachine.server.session import Service, last_words
from seemachine.server.tls import TlsStream, reason, server_context
from seemachine.wire.certificates import MAX_CLIENT_NAME, Unfit, caller
from seemachine.wire.framing import TLS_HANDSHAKE
from seemachine.wire.link import Link, Role
from seemachine.wire.roles import Caller, ClientRole
from seemachine.wire.status import PeerMisuse, Status

Admitted = tuple[trio.abc.Stream, Caller]
TLS_ONLY = PeerMisuse(
    "this port takes TLS only, with a client certificate; see SEEMACHINE_TLS_CERT, and seemachine pki issue client --help",
    Status.AccessDenied,
)


class Door:
    """One for all connections of a machine. Raises TlsError when it can't be made."""

    def __init__(self, config: Config, service: Service) -> None:
        self._context = None if config.tls is None else server_context(config.tls)
        self._seconds = config.limits.handshake_seconds
        self._service = service

    async def admit(self, wire: trio.SocketStream, peer: str) -> Admitted | None:
        """The stream to talk over and who is at its other end. None: it was told why not, as far as possible, and so was the log."""
        if self._context is None:
            return wire, Caller(peer.rpartition(":")[0][:MAX_CLIENT_NAME], ClientRole.ADMIN)
        stream = TlsStream(wire, self._context)
        with trio.move_on_after(self._seconds) as scope:
            # Nothing was asked yet: a machine that stops does not wait for handshakes.
            self._service.idle.add(scope)
            try:
                return await self._introduce(wire, stream, peer)
            finally:
                self._service.idle.discard(scope)
        if not self._service.draining:
            self._refused(peer, f"no TLS handshake within {self._seconds} s")
        return None

    @staticmethod
    async def part(stream: trio.abc.Stream) -> None:
        """After a conversation, for TLS to say that it is over; who opened the wire closes it."""
        if isinstance(stream, TlsStream):
            await stream.aclose()

    async def _introduce(self, wire: trio.SocketStream, stream: TlsStream, peer: str) -> Admitted | None:
        if not await self._speaks_tls(wire, peer):
            return None
        try:
            return stream, caller(await stream.handshake())
        except trio.BrokenResourceError as failure:
            self._refused(peer, reason(failure.__cause__))
            # Unread bytes of the client would reset the connection and take the alert with them.
            await last_words(wire, stream.alert)
        except Unfit as unfit:
            self._refused(peer, str(unfit))
            await last_words(stream, _words(PeerMisuse(str(unfit), Status.AccessDenied)))
        return None

    async def _speaks_tls(self, wire: trio.SocketStream, peer: str) -> bool:
        """Judged by its first byte, which no frame begins with."""
        try:
            first = await wire.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            first = b""
        if first == TLS_HANDSHAKE[:1]:
            return True
        self._refused(peer, "sent something else than TLS" if first else "the client hung up")
        if first:
            await last_words(wire, _words(TLS_ONLY))
        return False

    def _refused(self, peer: str, why: str) -> None:
        self._service.log.warning("not admitted", peer=peer, reason=why)


def _words(misuse: PeerMisuse) -> bytes:
    return Link(Role.SERVER).last_words(misuse)

"""Who is let in.

With TLS: a client whose certificate our CA issued, with a role. Without: whoever reaches the port,
as `admin`. So is who opens the Unix socket, which takes no TLS: its mode says who may.
"""

import datetime as dt
import socket
import ssl

import trio

from seemachine.config import Config
from seemachine.config.certificates import troubles
from seemachine.server.farewell import last_words
from seemachine.server.peers import Origin
from seemachine.server.plain_stream import PlainStream
from seemachine.server.service import Service
from seemachine.server.tls import TlsStream, reason, server_context
from seemachine.wire.certificates import MAX_CLIENT_NAME, Unfit, caller
from seemachine.wire.framing import TLS_HANDSHAKE
from seemachine.wire.link import Link, Role
from seemachine.wire.roles import Caller, ClientRole
from seemachine.wire.status import PeerMisuse, Status

Admitted = tuple[trio.abc.Stream, Caller]
TLS_ONLY = PeerMisuse(
    "this port takes TLS only, with a client certificate; see SEEMACHINE_TLS_CERT, and seemachine"
    " pki issue client --help",
    Status.AccessDenied,
)


class NotAdmitted(Exception):
    """Why, and the last words for the client with the stream that they go over."""

    def __init__(self, why: str, stream: trio.abc.Stream, words: bytes = b"") -> None:
        super().__init__(why)
        self.stream = stream
        self.words = words


class Door:
    """One for all connections of a machine. Raises TlsError when it can't be made."""

    def __init__(self, config: Config, service: Service) -> None:
        self._context = None if config.tls is None else server_context(config.tls)
        for trouble in () if config.tls is None else troubles(config.tls, dt.datetime.now(dt.UTC)):
            service.log.warning("certificate", detail=trouble)
        self._seconds = config.limits.handshake_seconds
        self._service = service

    async def admit(self, wire: trio.SocketStream, origin: Origin) -> Admitted | None:
        """The stream to talk over and who is at its other end.

        None: it was told why not, as far as possible, and so was the log.
        """
        if self._context is None or origin.by_socket:
            return PlainStream(wire), Caller(origin.host[:MAX_CLIENT_NAME], ClientRole.ADMIN)
        try:
            return await self._within_limit(wire, self._context)
        except NotAdmitted as refused:
            self._service.log.warning("not admitted", peer=origin.shown, reason=str(refused))
            if refused.words:
                # Sent so that they arrive: unread bytes of the client would reset the connection
                # and take an alert with them.
                await last_words(refused.stream, refused.words)
        return None

    @staticmethod
    async def part(stream: trio.abc.Stream) -> None:
        """After a conversation, for TLS to say that it is over; who opened the wire closes it."""
        if isinstance(stream, TlsStream):
            await stream.aclose()

    async def _within_limit(
        self, wire: trio.SocketStream, context: ssl.SSLContext
    ) -> Admitted | None:
        """None when the machine stops meanwhile: nothing was asked yet, so it does not wait for
        handshakes.

        Raises NotAdmitted.
        """
        with trio.move_on_after(self._seconds) as scope:
            self._service.idle.add(scope)
            try:
                return await _introduce(wire, context)
            finally:
                self._service.idle.discard(scope)
        if self._service.draining:
            return None
        raise NotAdmitted(f"no TLS handshake within {self._seconds} s", wire)


async def _introduce(wire: trio.SocketStream, context: ssl.SSLContext) -> Admitted:
    await _expect_tls(wire)
    stream = TlsStream(wire, context)
    try:
        return stream, caller(await stream.handshake())
    except trio.BrokenResourceError as failure:
        raise NotAdmitted(reason(failure.__cause__), wire, stream.alert) from None
    except Unfit as unfit:
        raise NotAdmitted(
            str(unfit), stream, _words(PeerMisuse(str(unfit), Status.AccessDenied))
        ) from None


async def _expect_tls(wire: trio.SocketStream) -> None:
    """Judged by the first byte, with which no frame begins."""
    try:
        first = await wire.socket.recv(1, socket.MSG_PEEK)
    except OSError:
        first = b""
    if not first:
        raise NotAdmitted("the client hung up", wire)
    if first != TLS_HANDSHAKE[:1]:
        raise NotAdmitted("sent something else than TLS", wire, _words(TLS_ONLY))


def _words(misuse: PeerMisuse) -> bytes:
    return Link(Role.SERVER).last_words(misuse)

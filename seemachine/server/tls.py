"""TLS 1.3 on the machine's side: the context, the stream, and why a handshake failed."""

import contextlib
import ssl
from pathlib import Path
from typing import Any, cast

import trio

from seemachine.config import TlsSettings

CLOSE_SECONDS = 1

# What OpenSSL calls things that need a plainer word in the log.
WORDS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no client certificate",
    "UNSUPPORTED_PROTOCOL": "the client does not speak TLS 1.3",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust the machine's CA",
}


class TlsError(Exception):
    """The TLS files can't be used. The text says which and why."""


def server_context(files: TlsSettings) -> ssl.SSLContext:
    """TLS 1.3 and nothing older, with a certificate asked of every client. Raises TlsError."""
    for path in (files.certificate, files.key, files.ca):
        _check_readable(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # Without tickets nothing but replies ever comes from a machine: a client sees at the socket
    # whether its idle connection was closed.
    context.num_tickets = 0
    try:
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        what = (
            f"{files.certificate} and {files.key} are not a certificate and its key in PEM form,"
            " without a password"
        )
        raise TlsError(f"{what} ({reason(error)})") from None
    try:
        context.load_verify_locations(files.ca)
    except ssl.SSLError as error:
        raise TlsError(
            f"{files.ca} holds no CA certificate in PEM form ({reason(error)})"
        ) from None
    return context


def _check_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise TlsError(
            f"{path}: {error.strerror}; make these files with: seemachine pki init; then:"
            " seemachine pki issue machine ESN"
        ) from None


def reason(error: BaseException | None) -> str:
    """Why TLS failed, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason and not isinstance(error, ssl.SSLEOFError):
        return WORDS.get(error.reason) or error.reason.lower().replace("_", " ")
    return "the client hung up"


class Tap:
    """An SSLContext for one SSLStream that keeps what OpenSSL wants sent within reach: trio drops
    alerts that come with an error.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.outgoing = ssl.MemoryBIO()

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **options: Any
    ) -> ssl.SSLObject:
        """See ssl.SSLContext."""
        self.outgoing = outgoing
        return self._context.wrap_bio(incoming, outgoing, **options)


class KeptOpen(trio.abc.Stream):
    """A stream whose close does nothing, so that closing TLS over it is only TLS's own farewell,
    close_notify.
    """

    def __init__(self, wire: trio.SocketStream) -> None:
        self._wire = wire

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See trio."""
        await self._wire.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See trio."""
        await self._wire.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """See trio."""
        return await self._wire.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Leave it open."""
        await trio.lowlevel.checkpoint()


class TlsStream(trio.abc.HalfCloseableStream):
    """TLS over a socket, that can also end its own direction alone.

    Call `handshake` before anything else.
    """

    def __init__(self, wire: trio.SocketStream, context: ssl.SSLContext) -> None:
        self._wire = wire
        self._tap = Tap(context)
        self._tls = trio.SSLStream(
            KeptOpen(wire), cast(ssl.SSLContext, self._tap), server_side=True
        )
        self._ended = False

    async def handshake(self) -> dict[str, Any]:
        """Verify the client; returns its certificate.

        Raises trio.BrokenResourceError, with ssl's reason as its cause.
        """
        await self._tls.do_handshake()
        certificate: dict[str, Any] = self._tls.getpeercert()
        return certificate

    @property
    def alert(self) -> bytes:
        """After a failed handshake, what tells the client why."""
        return self._tap.outgoing.read()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See trio."""
        await self._tls.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See trio."""
        await self._tls.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """See trio.

        After `send_eof` what arrives is not decrypted any more: it only tells that the client is
        still there.
        """
        return await (self._wire if self._ended else self._tls).receive_some(max_bytes)

    async def send_eof(self) -> None:
        """close_notify, then the end of the TCP stream, so that the client notices at
        the socket.
        """
        await self._say_goodbye()
        await self._wire.send_eof()

    async def aclose(self) -> None:
        """Close, with close_notify if the client takes it."""
        try:
            if not self._ended:
                with (
                    trio.move_on_after(CLOSE_SECONDS),
                    contextlib.suppress(trio.BrokenResourceError),
                ):
                    await self._say_goodbye()
        finally:
            await self._wire.aclose()

    async def _say_goodbye(self) -> None:
        self._ended = True
        await self._tls.aclose()
        # With bytes of the client unread, OpenSSL takes its goodbye for a failure, and trio leaves
        # it unsent.
        await self._wire.send_all(self._tap.outgoing.read())

"""One machine over one stream of trio."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import trio

from seeclient import dispatch, tls
from seeclient.blocking_connection import CONNECT_SECONDS, READ_BYTES, REPLY_GRACE_SECONDS
from seeclient.effects import Address
from seeclient.sightings import NOTHING, Sightings
from seemachine.wire.fields import Record
from seemachine.wire.link import NEED_DATA, Answered, Closed, Link, Refused, Role
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL
from seemachine.wire.requests import Request
from seemachine.wire.status import BadValue, PeerMisuse, StatusError

if TYPE_CHECKING:
    import ssl

# For TLS to say that it ends.
GOODBYE_SECONDS = 1.0


class Connection:
    """One machine over one stream.

    Every failure is a StatusError; after it the connection is closed.
    """

    def __init__(
        self,
        address: Address,
        wire: trio.SocketStream,
        credentials: tls.Credentials = tls.NONE,
        sightings: Sightings = NOTHING,
    ) -> None:
        self.address = address
        self._credentials = credentials
        self._sightings = sightings
        self._certificate: Mapping[str, Any] | None = None
        self._wire = wire
        self.lock = trio.Lock()
        self._stream: trio.abc.Stream = wire
        self._link = Link(Role.CLIENT)
        self._seconds = CONNECT_SECONDS
        self._closed = False

    @property
    def stale(self) -> bool:
        """Closed here, or by the machine while nothing was asked: after its idle time, or when it
        stopped.
        """
        return self._closed or bool(self._wire.socket.is_readable())

    async def secure(self, context: "ssl.SSLContext") -> None:
        """From here on over TLS, with the machine that is meant.

        Raises StatusError; the connection is then closed.
        """
        stream = trio.SSLStream(self._wire, context, server_hostname=tls.host_name(self.address))
        try:
            await stream.do_handshake()
            self._stream, self._certificate = stream, stream.getpeercert()
            tls.check_esn(self.address, self._certificate, self.address.esn)
        except trio.BrokenResourceError as broken:
            raise await self._broken(broken) from None
        except BaseException:
            await self.close()
            raise

    async def ask(self, request: Request[Record]) -> Record | StatusError:
        """The reply, or the refusal as a value. Raises StatusError when the connection is lost."""
        if self._closed:
            raise dispatch.lost(self.address, "closed")
        try:
            with trio.fail_after(self._seconds):
                await self._stream.send_all(self._link.send(request))
                return await self._receive()
        except BadValue as error:
            raise dispatch.bad_value(request, error) from None
        except PeerMisuse as misuse:
            raise await self._lost(misuse.detail) from None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            raise await self._broken(broken) from None
        except trio.TooSlowError:
            raise await self._lost("timed out") from None
        # Cut off in the middle, the link no longer knows whose reply comes next.
        except trio.Cancelled:
            await self.close()
            raise

    async def greet(self) -> Greeting:
        """Say hello. Raises StatusError; the connection is then closed."""
        try:
            return await self._greet()
        except StatusError:
            await self.close()
            raise

    async def _greet(self) -> Greeting:
        greeting = await self._hello()
        dispatch.check_machine(self.address, greeting)
        if self._certificate is not None:
            tls.check_esn(self.address, self._certificate, greeting.esn)
        try:
            self._sightings.meet(greeting)
        except StatusError:
            # Somebody may have met it after a restart since it answered. Then this connection is
            # dead; else it answers the same again.
            self._sightings.meet(await self._hello())
        self._seconds = greeting.limits.request_seconds + REPLY_GRACE_SECONDS
        return greeting

    async def _hello(self) -> Greeting:
        greeting = await self.ask(Hello(protocol=PROTOCOL, client="seeclient"))
        if isinstance(greeting, StatusError):
            raise greeting
        assert isinstance(greeting, Greeting)
        return greeting

    async def close(self) -> None:
        """Hang up."""
        self._closed = True
        try:
            if self._certificate is not None:
                with trio.move_on_after(GOODBYE_SECONDS):
                    await self._stream.aclose()
        finally:
            await trio.aclose_forcefully(self._wire)

    async def _receive(self) -> Record | StatusError:
        while True:
            event = self._link.next_event()
            if event is NEED_DATA:
                self._link.receive_data(await self._stream.receive_some(READ_BYTES))
            elif isinstance(event, Answered):
                return event.reply
            elif isinstance(event, Refused):
                if event.error.where == "link":
                    await self.close()  # the machine's last words
                return event.error
            else:
                assert isinstance(event, Closed)
                raise trio.BrokenResourceError

    async def _broken(self, error: BaseException) -> StatusError:
        await self.close()
        return self._credentials.failure(self.address, error.__cause__) or dispatch.lost(
            self.address, "broken"
        )

    async def _lost(self, reason: str) -> StatusError:
        await self.close()
        return dispatch.lost(self.address, reason)


async def connect(
    address: Address, credentials: tls.Credentials = tls.NONE, sightings: Sightings = NOTHING
) -> Connection:
    """Connect, over TLS where the credentials say so. Raises StatusError."""
    context = credentials.context(address)
    try:
        with trio.fail_after(CONNECT_SECONDS):
            wire = await trio.open_tcp_stream(address.host, address.port)
            connection = Connection(address, wire, credentials, sightings)
            if context is not None:
                await connection.secure(context)
            return connection
    except trio.TooSlowError:
        raise dispatch.connect_failure(address, TimeoutError("timed out")) from None
    except UnicodeError as error:
        raise dispatch.connect_failure(address, error) from None
    except OSError as error:
        # trio tells of several attempts in one error; the cause of the first is what a person wants
        # to read.
        cause = (
            error.__cause__.exceptions[0]
            if isinstance(error.__cause__, ExceptionGroup)
            else error.__cause__
        )
        raise dispatch.connect_failure(
            address, cause if isinstance(cause, OSError) else error
        ) from None

"""One machine over one socket, without async. Imports no event loop."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seeclient import dispatch, tls
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

CONNECT_SECONDS = 5.0
REPLY_GRACE_SECONDS = 30.0
READ_BYTES = 1 << 16


class Connection:
    """One machine over one socket.

    Every failure is a StatusError; after it the connection is closed.

    With `doubted` an alarm of this host's memory is no failure: `doubt` has it.
    """

    def __init__(
        self,
        address: Address,
        credentials: tls.Credentials = tls.NONE,
        sightings: Sightings = NOTHING,
        *,
        doubted: bool = False,
    ) -> None:
        self.lock = threading.Lock()
        self.doubt: StatusError | None = None
        self._doubted = doubted
        self._credentials = credentials
        self._sightings = sightings
        self.open(address)

    def open(self, address: Address) -> None:
        """Connect, for the first time or anew. Raises StatusError."""
        self.address = address
        self._link = Link(Role.CLIENT)
        self._closed = True
        self._seconds = CONNECT_SECONDS
        self._certificate: Mapping[str, Any] | None = None
        context = self._credentials.context(address)
        try:
            self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._secure(context)
        except (OSError, UnicodeError) as error:
            raise self._credentials.failure(address, error) or dispatch.connect_failure(
                address, error
            ) from None
        self._closed = False

    def _secure(self, context: "ssl.SSLContext") -> None:
        """From here on over TLS, with the machine that is meant.

        `wrap_socket` closes the socket when it fails.
        """
        try:
            secured = context.wrap_socket(self._socket, server_hostname=tls.host_name(self.address))
        except TimeoutError:
            raise TimeoutError("timed out") from None
        self._socket, self._certificate = secured, secured.getpeercert()
        try:
            tls.check_esn(self.address, self._certificate, self.address.esn)
        except StatusError:
            secured.close()
            raise

    @property
    def stale(self) -> bool:
        """Closed here, or by the machine while nothing was asked: after its idle time, or when it
        stopped.

        Over TLS the same: a machine sends no tickets, and what else it sends but replies is its
        goodbye.
        """
        return self._closed or _has_news(self._socket)

    def send(self, request: Request[Record]) -> None:
        """Send a request; `receive` its reply before the next."""
        if self._closed:
            raise dispatch.lost(self.address, "closed")
        try:
            data = self._link.send(request)
            self._socket.settimeout(self._seconds)
            self._socket.sendall(data)
        except BadValue as error:
            raise dispatch.bad_value(request, error) from None
        except OSError as error:
            raise self._broken(error) from None

    def receive(self) -> Record | StatusError:
        """The reply, or the refusal as a value."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                event = self._link.next_event()
                if event is NEED_DATA:
                    # One limit for the whole reply, however many pieces it comes in.
                    self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                    self._link.receive_data(self._socket.recv(READ_BYTES))
                    continue
            except PeerMisuse as misuse:
                raise self._lost(misuse.detail) from None
            except OSError as error:
                raise self._broken(error) from None
            if isinstance(event, Answered):
                return event.reply
            if isinstance(event, Refused):
                if event.error.where == "link":
                    self.close()  # the machine's last words
                return event.error
            assert isinstance(event, Closed)
            raise self._lost("closed by the machine")

    def greet(self) -> Greeting:
        """Say hello. Raises StatusError; the connection is then closed."""
        try:
            return self._greet()
        except StatusError:
            self.close()
            raise

    def _greet(self) -> Greeting:
        greeting = self._hello()
        dispatch.check_machine(self.address, greeting)
        if self._certificate is not None:
            tls.check_esn(self.address, self._certificate, greeting.esn)
        self.doubt = self._doubt(greeting)
        if self.doubt is not None:
            # Somebody may have met it after a restart since it answered. Then this connection is
            # dead; else it answers the same again.
            self.doubt = self._doubt(self._hello())
        if self.doubt is not None and not self._doubted:
            raise self.doubt
        self._seconds = greeting.limits.request_seconds + REPLY_GRACE_SECONDS
        return greeting

    def _doubt(self, greeting: Greeting) -> StatusError | None:
        """What this host's memory has against the machine."""
        try:
            self._sightings.meet(greeting)
        except StatusError as alarm:
            return alarm
        return None

    def _hello(self) -> Greeting:
        self.send(Hello(protocol=PROTOCOL, client="seeclient"))
        greeting = self.receive()
        if isinstance(greeting, StatusError):
            raise greeting
        assert isinstance(greeting, Greeting)
        return greeting

    def close(self) -> None:
        """Hang up."""
        if not self._closed:
            self._closed = True
            if self._certificate is not None:
                self._say_goodbye()
            self._socket.close()

    def _say_goodbye(self) -> None:
        """close_notify, without a wait for the machine's."""
        with contextlib.suppress(OSError, ValueError):
            self._socket.settimeout(0)
            self._socket.unwrap()  # type: ignore[attr-defined]

    def _broken(self, error: OSError) -> StatusError:
        failure = self._credentials.failure(self.address, error)
        if failure is None:
            return self._lost(error.strerror or "timed out")
        self.close()
        return failure

    def _lost(self, reason: str) -> StatusError:
        self.close()
        return dispatch.lost(self.address, reason)


def _has_news(peer: socket.socket) -> bool:
    """Whether something can be read, or the peer is gone.

    Of a descriptor over 1023 `select` does not know that.
    """
    poll = select.poll()
    poll.register(peer, select.POLLIN)
    return bool(poll.poll(0))

"""One machine over one wire, without async; its twin is trio_connection.py."""

import threading
import time

from seeclient import blocking_wire, connecting, greeting, tls
from seeclient.blocking_wire import Connect
from seeclient.effects import Address
from seeclient.greeting import Exchange, Greeted
from seeclient.sightings import NOTHING, Sightings
from seemachine.wire.link import NEED_DATA, Answered, Closed, Link, Refused, Role
from seemachine.wire.messages import Greeting
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import BadValue, PeerMisuse, StatusError


class Connection:
    """One machine over one wire.

    Every failure is a StatusError; after it the connection is closed.

    With `doubted` an alarm of this host's memory is not a failure: `doubt` has it.
    """

    def __init__(
        self,
        address: Address,
        credentials: tls.Credentials = tls.NONE,
        sightings: Sightings = NOTHING,
        *,
        doubted: bool = False,
        connect: Connect = blocking_wire.connect,
    ) -> None:
        self.lock = threading.Lock()
        self.doubt: StatusError | None = None
        self._doubted = doubted
        self._credentials = credentials
        self._sightings = sightings
        self._connect = connect
        self.open(address)

    def open(self, address: Address) -> None:
        """Connect, for the first time or anew. Raises StatusError."""
        self.address = address
        self._link = Link(Role.CLIENT)
        self._closed = True
        self._seconds = blocking_wire.CONNECT_SECONDS
        context = self._credentials.context(address)
        try:
            self._wire = self._connect(address, context)
        except (OSError, UnicodeError) as error:
            raise self._credentials.failure(address, error) or connecting.connect_failure(
                address, error
            ) from None
        self._closed = False
        if self._wire.certificate is not None:
            self._check_esn()

    def _check_esn(self) -> None:
        try:
            tls.check_esn(self.address, self._wire.certificate, self.address.esn)
        except StatusError:
            self.close()
            raise

    @property
    def stale(self) -> bool:
        """Closed here, or by the machine while nothing was asked: after its idle time, or when it
        stopped.
        """
        return self._closed or self._wire.has_news

    def send(self, request: Request[Record]) -> None:
        """Send a request; `receive` its reply before the next."""
        if self._closed:
            raise connecting.lost(self.address, "closed")
        try:
            self._wire.send(self._link.send(request), self._seconds)
        except BadValue as error:
            raise connecting.bad_value(request, error) from None
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
                    left = max(0.001, deadline - time.monotonic())
                    self._link.receive_data(self._wire.receive(left))
                    continue
            except PeerMisuse as misuse:
                raise self._lost(misuse.detail) from None
            except OSError as error:
                raise self._broken(error) from None
            if isinstance(event, Answered):
                return event.reply
            if isinstance(event, Refused):
                if connecting.are_last_words(event.error):
                    self.close()
                return event.error
            assert isinstance(event, Closed)
            raise self._lost("closed by the machine")

    def greet(self) -> Greeting:
        """Say hello. Raises StatusError; the connection is then closed."""
        try:
            greeted = self._exchange(
                greeting.greet(
                    self.address, self._wire.certificate, self._sightings, doubted=self._doubted
                )
            )
        except StatusError:
            self.close()
            raise
        self.doubt, self._seconds = greeted.doubt, greeted.seconds
        return greeted.greeting

    def _exchange(self, exchange: Exchange) -> Greeted:
        reply: Record | StatusError | None = None
        while True:
            try:
                hello = exchange.send(reply)
            except StopIteration as end:
                greeted: Greeted = end.value
                return greeted
            self.send(hello)
            reply = self.receive()

    def close(self) -> None:
        """Hang up."""
        if not self._closed:
            self._closed = True
            self._wire.close()

    def _broken(self, error: OSError) -> StatusError:
        failure = self._credentials.failure(self.address, error)
        if failure is None:
            return self._lost(error.strerror or connecting.TIMED_OUT)
        self.close()
        return failure

    def _lost(self, reason: str) -> StatusError:
        self.close()
        return connecting.lost(self.address, reason)

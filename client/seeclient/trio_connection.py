"""One machine over one wire of trio; its twin is blocking_connection.py."""

import trio

from seeclient import blocking_wire, connecting, greeting, tls, trio_wire
from seeclient.effects import Address
from seeclient.greeting import Exchange, Greeted
from seeclient.sightings import NOTHING, Sightings
from seeclient.trio_wire import Connect, Wire
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
        wire: Wire,
        credentials: tls.Credentials = tls.NONE,
        sightings: Sightings = NOTHING,
        *,
        doubted: bool = False,
    ) -> None:
        self.address = address
        self.lock = trio.Lock()
        self.doubt: StatusError | None = None
        self._doubted = doubted
        self._credentials = credentials
        self._sightings = sightings
        self._wire = wire
        self._link = Link(Role.CLIENT)
        self._seconds = blocking_wire.CONNECT_SECONDS
        self._closed = False

    @property
    def stale(self) -> bool:
        """Closed here, or by the machine while nothing was asked: after its idle time, or when it
        stopped.
        """
        return self._closed or self._wire.has_news

    async def ask(self, request: Request[Record]) -> Record | StatusError:
        """The reply, or the refusal as a value. Raises StatusError when the connection is lost."""
        if self._closed:
            raise connecting.lost(self.address, "closed")
        try:
            with trio.fail_after(self._seconds):
                await self._wire.send(self._link.send(request))
                return await self._receive()
        except BadValue as error:
            raise connecting.bad_value(request, error) from None
        except PeerMisuse as misuse:
            raise await self._lost(misuse.detail) from None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            raise await self._broken(broken) from None
        except trio.TooSlowError:
            raise await self._lost(connecting.TIMED_OUT) from None
        # Cut off in the middle, the link no longer knows whose reply comes next.
        except trio.Cancelled:
            await self.close()
            raise

    async def greet(self) -> Greeting:
        """Say hello. Raises StatusError; the connection is then closed."""
        try:
            greeted = await self._exchange(
                greeting.greet(
                    self.address, self._wire.certificate, self._sightings, doubted=self._doubted
                )
            )
        except StatusError:
            await self.close()
            raise
        self.doubt, self._seconds = greeted.doubt, greeted.seconds
        return greeted.greeting

    async def _exchange(self, exchange: Exchange) -> Greeted:
        reply: Record | StatusError | None = None
        while True:
            try:
                hello = exchange.send(reply)
            except StopIteration as end:
                greeted: Greeted = end.value
                return greeted
            reply = await self.ask(hello)

    async def close(self) -> None:
        """Hang up."""
        self._closed = True
        await self._wire.close()

    async def _receive(self) -> Record | StatusError:
        while True:
            event = self._link.next_event()
            if event is NEED_DATA:
                self._link.receive_data(await self._wire.receive())
            elif isinstance(event, Answered):
                return event.reply
            elif isinstance(event, Refused):
                if connecting.are_last_words(event.error):
                    await self.close()
                return event.error
            else:
                assert isinstance(event, Closed)
                raise trio.BrokenResourceError

    async def _broken(self, error: BaseException) -> StatusError:
        await self.close()
        return self._credentials.failure(self.address, error.__cause__) or connecting.lost(
            self.address, "broken"
        )

    async def _lost(self, reason: str) -> StatusError:
        await self.close()
        return connecting.lost(self.address, reason)


async def connect(
    address: Address,
    credentials: tls.Credentials = tls.NONE,
    sightings: Sightings = NOTHING,
    *,
    doubted: bool = False,
    through: Connect = trio_wire.connect,
) -> Connection:
    """Connect, over TLS where the credentials say so. Raises StatusError."""
    wire = await _wire(address, credentials, through)
    connection = Connection(address, wire, credentials, sightings, doubted=doubted)
    if wire.certificate is not None:
        try:
            tls.check_esn(address, wire.certificate, address.esn)
        except StatusError:
            await connection.close()
            raise
    return connection


async def _wire(address: Address, credentials: tls.Credentials, through: Connect) -> Wire:
    context = credentials.context(address)
    try:
        with trio.fail_after(blocking_wire.CONNECT_SECONDS):
            return await through(address, context)
    except trio.TooSlowError:
        raise connecting.connect_failure(address, TimeoutError(connecting.TIMED_OUT)) from None
    except UnicodeError as error:
        raise connecting.connect_failure(address, error) from None
    except trio.BrokenResourceError as broken:
        raise credentials.failure(address, broken.__cause__) or connecting.lost(
            address, "broken"
        ) from None
    except OSError as error:
        raise connecting.connect_failure(address, _first_cause(error)) from None


def _first_cause(error: OSError) -> OSError:
    """Trio tells of several attempts in one error; the cause of the first is what a person wants to
    read.
    """
    cause = error.__cause__
    if isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    return cause if isinstance(cause, OSError) else error

"""One side of one connection, without the connection: bytes in, events out; messages in, bytes out.

`receive_data` only stores, `next_event` never waits, `send` never writes. A shell owns the socket
and does the three in turn.

Rules, all kept here:
* A client asks one thing at a time; a server answers it before it looks at the next.
* The first request is hello, and nothing else is heard before one was accepted.
* A reply carries the number of its request. Numbers rise by one from 1.
* After a misuse by the peer the link is dead: `next_event` and `send` say so at every further call.
"""

from enum import Enum, auto

from seemachine.frozen import frozen
from seemachine.wire.codec import pack, unpack
from seemachine.wire.framing import MAX_FRAME, FrameBuffer, encode_frame
from seemachine.wire.messages import Hello, NvmemfileSigned
from seemachine.wire.record import FieldError, Record, from_fields, to_fields
from seemachine.wire.refusals import refusal_fields, refusal_from
from seemachine.wire.requests import REQUESTS, Request
from seemachine.wire.signing_frames import (
    read_reply,
    read_request,
    written_reply,
    written_request,
)
from seemachine.wire.status import BadValue, LocalMisuse, PeerMisuse, Status, StatusError

OK = "ok"
REFUSED = "refused"
MAX_NUMBER = 0xFFFFFFFF
# Bytes of a body before the first hello was accepted, with room to spare: a stranger must not make
# a server hold more.
HELLO_FRAME = 1024


class Role(Enum):
    """Which side of the connection a link is."""

    CLIENT = auto()
    SERVER = auto()


class NeedData(Enum):
    """The type of NEED_DATA."""

    NEED_DATA = auto()


NEED_DATA = NeedData.NEED_DATA


@frozen
class Asked:
    """A server received a request."""

    request: Request[Record]


@frozen
class Answered:
    """A client received the reply to its request."""

    reply: Record


@frozen
class Refused:
    """A client received a "no"."""

    error: StatusError


@frozen
class Closed:
    """The peer closed at a frame boundary."""


Event = Asked | Answered | Refused | Closed


class _State(Enum):
    IDLE = auto()  # the client may ask
    BUSY = auto()  # a request waits for its reply
    DEAD = auto()


# To look up a member in its class takes as long as to read a field of a message.
IDLE, BUSY, DEAD = _State


class Link:
    """See the module. `max_frame` bounds what is received as well as what is sent, in bytes."""

    def __init__(self, role: Role, max_frame: int = MAX_FRAME) -> None:
        self._serves = role is Role.SERVER
        self._max_frame = max_frame
        self._buffer = FrameBuffer(min(max_frame, HELLO_FRAME) if self._serves else max_frame)
        self._state = IDLE
        self._number = 0
        self._greeted = False
        self._pending: Request[Record] | None = None
        self._ended = False

    @property
    def between_requests(self) -> bool:
        """Nothing is half-received and no request waits for its reply."""
        return self._state is not BUSY and not len(self._buffer)

    def receive_data(self, data: bytes | bytearray) -> None:
        """Take bytes from the socket; empty means that the peer closed."""
        if data:
            self._buffer.add(data)
        else:
            self._ended = True

    def next_event(self) -> Event | NeedData:
        """The next thing that happened, or NEED_DATA.

        Raises PeerMisuse, and nothing else whatever the bytes.
        """
        if self._state is DEAD:
            raise LocalMisuse("the link is dead")
        # A server does not look ahead: what a hasty client sent stays in the buffer until the reply
        # is out.
        if self._serves and self._state is BUSY:
            return NEED_DATA
        try:
            return self._parse()
        except PeerMisuse:
            self._state = DEAD
            raise

    def send(self, message: Record | StatusError) -> bytes:
        """Encode a request (client), or a reply or StatusError (server).

        Raises LocalMisuse out of turn, BadValue out of limits.
        """
        try:
            return self._answer(message) if self._serves else self._ask(message)
        except FieldError as error:
            raise BadValue(str(error)) from None

    def last_words(self, misuse: PeerMisuse) -> bytes:
        """What a server sends after a misuse, before it closes."""
        return self._frame(pack([misuse.number, REFUSED, refusal_fields(misuse.refusal)]))

    def _parse(self) -> Event | NeedData:
        if (body := self._buffer.next_body()) is None:
            return self._end() if self._ended else NEED_DATA
        return self._known(body) or self._unpacked(body)

    def _known(self, body: bytes) -> Asked | Answered | None:
        """What is asked and answered most often."""
        if self._serves:
            request = read_request(body, self._number + 1) if self._greeted else None
            return None if request is None else self._take(self._number + 1, request)
        if self._pending is None or self._pending.Reply is not NvmemfileSigned:
            return None
        reply = read_reply(body, self._number)
        if reply is not None:
            self._pending, self._state = None, IDLE
        return None if reply is None else Answered(reply)

    def _unpacked(self, body: bytes) -> Event:
        number, name, fields = unpack(body)
        if type(number) is not int or not 0 <= number <= MAX_NUMBER:
            raise PeerMisuse("the request number must be an integer from 0 to 2^32 - 1")
        if type(name) is not str:
            raise PeerMisuse("the second element must be text", number=number)
        return (self._asked if self._serves else self._answered)(number, name, fields)

    def _end(self) -> Closed:
        if len(self._buffer):
            raise PeerMisuse("the connection ended inside a frame")
        if self._state is BUSY:
            raise PeerMisuse("the connection ended before the reply")
        return Closed()

    def _asked(self, number: int, name: str, fields: object) -> Asked:
        if number != self._number + 1:
            raise PeerMisuse(
                f"expected request number {self._number + 1}, not {number}", number=number
            )
        kind = REQUESTS.get(name)
        if kind is None:
            raise PeerMisuse("unknown command", Status.UnknownCommand, number)
        if not self._greeted and kind is not Hello:
            raise PeerMisuse("the first request must be hello", number=number)
        try:
            return self._take(number, from_fields(kind, fields))
        except FieldError as error:
            raise PeerMisuse(f"{name}: {error}", number=number) from None

    def _take(self, number: int, request: Request[Record]) -> Asked:
        self._number, self._pending, self._state = number, request, BUSY
        return Asked(request)

    def _answered(self, number: int, name: str, fields: object) -> Answered | Refused:
        asked = self._pending
        # Number 0 is a refusal of something that the server could not even read a number from.
        if asked is None or number not in ((self._number,) if name == OK else (self._number, 0)):
            raise PeerMisuse(f"a reply to request {number} that was not asked")
        try:
            event = _reply(asked, name, fields)
        except FieldError as error:
            raise PeerMisuse(f"reply to {asked.NAME}: {error}", number=number) from None
        self._pending, self._state = None, IDLE
        return event

    def _ask(self, request: Record | StatusError) -> bytes:
        if self._state is not IDLE:
            raise LocalMisuse("one request at a time")
        if not isinstance(request, Request) or REQUESTS.get(request.NAME) is not type(request):
            raise LocalMisuse(f"{type(request).__name__} is not a request")
        number = self._number + 1
        body = written_request(number, request)
        data = self._frame(body or pack([number, request.NAME, to_fields(request)]))
        self._number, self._pending, self._state = number, request, BUSY
        return data

    def _answer(self, reply: Record | StatusError) -> bytes:
        asked = self._pending
        if asked is None or self._state is not BUSY:
            raise LocalMisuse("there is nothing to answer")
        greeted = self._greeted
        if isinstance(reply, StatusError):
            data = self._frame(pack([self._number, REFUSED, refusal_fields(reply)]))
        elif isinstance(reply, asked.Reply):
            body = written_reply(self._number, reply)
            data = self._frame(body or pack([self._number, OK, to_fields(reply)]))
            greeted = True
        else:
            raise LocalMisuse(f"{asked.NAME} is not answered by {type(reply).__name__}")
        self._pending, self._state, self._greeted = None, IDLE, greeted
        if greeted:
            self._buffer.max_frame = self._max_frame
        return data

    def _frame(self, body: bytes) -> bytes:
        return encode_frame(body, self._max_frame)


def _reply(asked: Request[Record], name: str, fields: object) -> Answered | Refused:
    if name == OK:
        return Answered(from_fields(asked.Reply, fields))
    if name == REFUSED:
        return Refused(refusal_from(fields))
    raise FieldError("is neither ok nor refused")

"""The frames between a C library and its helper; `client/native/frames.c` has the other side.

A frame is its length (of what follows), the number of the question, a kind, and the body of that
kind. Numbers are big-endian. A field is its size and its bytes; a number in a field has 8 bytes.
"""

import struct
from collections.abc import Iterable, Sequence

from seemachine.frozen import frozen

REQUEST, REPLY, NOTE = 1, 2, 3
# Flag of a request: an earlier helper was asked the same.
AGAIN = 1
MAX_FRAME = 1 << 30
# What concerns no question: that the helper is alive.
NOBODY = 0

_LENGTH = struct.Struct("!I")
_HEAD = struct.Struct("!IIB")
_AFTER_LENGTH = _HEAD.size - _LENGTH.size
_NUMBER = struct.Struct("!Q")

Field = str | bytes | int


class BadFrame(Exception):
    """The other side is not a bridge."""


@frozen
class Request:
    """A question. `note` is the last note of an earlier attempt; `again`: there was one."""

    number: int
    operation: str
    note: bytes = b""
    fields: Sequence[bytes] = ()
    again: bool = False


class Reader:
    """Requests out of bytes, however they come in."""

    def __init__(self) -> None:
        self._received = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Take what came in."""
        self._received += data

    def next_request(self) -> Request | None:
        """The next whole request; None while there is none. Raises BadFrame."""
        if len(self._received) < _HEAD.size:
            return None
        length, number, kind = _HEAD.unpack_from(self._received)
        if kind != REQUEST or not _AFTER_LENGTH < length <= MAX_FRAME:
            raise BadFrame(f"a frame of kind {kind} and {length} bytes")
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        body = bytes(memoryview(self._received)[_HEAD.size : end])
        del self._received[:end]
        return _request(number, body)


def _request(number: int, body: bytes) -> Request:
    operation, note, *fields = _fields(body[1:])
    again = bool(body[0] & AGAIN)
    return Request(number, operation.decode("ascii", "replace"), note, fields, again)


def _fields(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        begin = at + _LENGTH.size
        if begin > len(data):
            raise BadFrame("a field without its size")
        [size] = _LENGTH.unpack_from(data, at)
        at = begin + size
        if at > len(data):
            raise BadFrame("a field that ends outside of its frame")
        found.append(data[begin:at])
    if len(found) < 2:
        raise BadFrame("a request without operation and note")
    return found


def request(asked: Request) -> bytes:
    """The frame of a request."""
    fields = [asked.operation.encode(), asked.note, *asked.fields]
    return _frame(asked.number, REQUEST, bytes([asked.again * AGAIN]) + _joined(fields))


def reply(number: int, status: int, fields: Iterable[Field]) -> bytes:
    """The frame of a reply. Raises BadFrame for one that is too long."""
    return _frame(number, REPLY, _LENGTH.pack(status) + _joined(map(_octets, fields)))


def note(number: int, data: bytes) -> bytes:
    """The frame of a note."""
    return _frame(number, NOTE, data)


def beat() -> bytes:
    """A note that concerns no question."""
    return note(NOBODY, b"")


def _frame(number: int, kind: int, body: bytes) -> bytes:
    length = _AFTER_LENGTH + len(body)
    if length > MAX_FRAME:
        raise BadFrame(f"{length} bytes are more than a frame may have ({MAX_FRAME})")
    return _HEAD.pack(length, number, kind) + body


def _joined(fields: Iterable[bytes]) -> bytes:
    return b"".join(part for field in fields for part in (_LENGTH.pack(len(field)), field))


def _octets(field: Field) -> bytes:
    if isinstance(field, int):
        return _NUMBER.pack(field)
    return field.encode("utf-8", "replace") if isinstance(field, str) else field


def number_of(field: bytes) -> int:
    """The number of a field. Raises ValueError."""
    if len(field) != _NUMBER.size:
        raise ValueError(f"a number has {_NUMBER.size} bytes, not {len(field)}")
    [value] = _NUMBER.unpack(field)
    return int(value)

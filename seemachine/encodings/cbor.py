"""CBOR (RFC 8949) as far as COSE needs it: written deterministically (4.2.1), so that one value has
one encoding, and read where every length is definite.

It is our own, as DER is: without a package, keys are exported and converted, and the packages there
are take far more than a key may be.
"""

from collections.abc import Callable
from typing import Any

from seemachine.frozen import frozen

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
SIMPLE_VALUES = {20: False, 21: True, 22: None}
MAX_DEPTH = 16
# Heads have no number, or one of so many bytes.
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}


class CborError(ValueError):
    """Bytes that are no CBOR, or not of the part of it that is read here."""


@frozen
class Tagged:
    """A value under a tag (RFC 8949 3.4)."""

    tag: int
    value: Any


def encoded(value: Any) -> bytes:
    """An integer of at most 64 bits, bytes, text, bool, None, list, dict or Tagged, of these.

    Raises CborError for anything else.
    """
    write = _WRITERS.get(type(value))
    if write is None:
        raise CborError(f"a {type(value).__name__} has no encoding here")
    return write(value)


def _integer(value: int) -> bytes:
    return _head(NEGATIVE, -1 - value) if value < 0 else _head(UNSIGNED, value)


def _text(value: str) -> bytes:
    content = value.encode()
    return _head(TEXT, len(content)) + content


def _pairs(value: dict[Any, Any]) -> bytes:
    pairs = sorted((encoded(name), encoded(each)) for name, each in value.items())
    return _head(MAP, len(pairs)) + b"".join(name + each for name, each in pairs)


def _simple(value: bool | None) -> bytes:
    return bytes([SIMPLE << 5 | {made: number for number, made in SIMPLE_VALUES.items()}[value]])


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    int: _integer,
    bytes: lambda value: _head(BYTES, len(value)) + value,
    str: _text,
    list: lambda value: _head(ARRAY, len(value)) + b"".join(map(encoded, value)),
    dict: _pairs,
    bool: _simple,
    type(None): _simple,
    Tagged: lambda value: _head(TAG, value.tag) + encoded(value.value),
}


def decoded(data: bytes) -> Any:
    """The value that the bytes are. Raises CborError, also for anything after it."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.place != len(data):
        raise CborError(f"{len(data) - reader.place} bytes follow the value")
    return value


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in _SIZES.items():
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise CborError("a number of more than 64 bits")


class _Reader:
    """Takes one value after the other from some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def value(self, depth: int) -> Any:
        """The next one."""
        if depth > MAX_DEPTH:
            raise CborError(f"values within values, more than {MAX_DEPTH} deep")
        major, number = self._next_head()
        if major in (UNSIGNED, NEGATIVE):
            return number if major == UNSIGNED else -1 - number
        if major in (BYTES, TEXT):
            return self._string(major, number)
        if major == ARRAY:
            return [self.value(depth + 1) for _ in range(self._fitting(number))]
        if major == MAP:
            return self._map(number, depth)
        if major == TAG:
            return Tagged(number, self.value(depth + 1))
        if number not in SIMPLE_VALUES:
            raise CborError("a simple value that there is not, or a floating-point number")
        return SIMPLE_VALUES[number]

    def _take(self, size: int) -> bytes:
        self.place += self._fitting(size)
        return self._data[self.place - size : self.place]

    def _fitting(self, size: int) -> int:
        """A number of bytes, or of values that have one at least. Raises CborError for more than
        there are.
        """
        if size > len(self._data) - self.place:
            raise CborError("it is cut off")
        return size

    def _next_head(self) -> tuple[int, int]:
        [first] = self._take(1)
        major, short = first >> 5, first & 0x1F
        if short < 24:
            return major, short
        if short not in _SIZES or major == SIMPLE:
            raise CborError("an indefinite length, or a head that there is not")
        return major, int.from_bytes(self._take(_SIZES[short]), "big")

    def _string(self, major: int, size: int) -> bytes | str:
        content = self._take(size)
        try:
            return content if major == BYTES else content.decode()
        except UnicodeDecodeError:
            raise CborError("a text that is not UTF-8") from None

    def _map(self, count: int, depth: int) -> dict[int | str | bytes, Any]:
        found: dict[int | str | bytes, Any] = {}
        for _ in range(self._fitting(count)):
            name = self.value(depth + 1)
            # True is 1 to a dict, and is no name.
            if type(name) not in (int, str, bytes) or name in found:
                raise CborError("a map with a name twice, or one that is neither number nor string")
            found[name] = self.value(depth + 1)
        return found

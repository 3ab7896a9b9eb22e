"""DER (X.690) as far as public keys and certificates need it: read strictly, or not at all; and
written for public keys.
"""

from collections.abc import Iterator
from itertools import islice

from seemachine.frozen import frozen

BIT_STRING, OCTET_STRING, OBJECT_IDENTIFIER, SEQUENCE = 0x03, 0x04, 0x06, 0x30
# A certificate has ten parts, an RSA key nine.
MOST_ELEMENTS = 100


class DerError(ValueError):
    """Bytes that are no DER, or not of the form that is wanted."""


@frozen
class Element:
    """One value: its tag, its content, and both with the length between them."""

    tag: int
    content: bytes
    encoded: bytes

    def inner(self) -> list["Element"]:
        """The elements of a constructed one. Raises DerError, also for more than any that is read
        has.
        """
        found = list(islice(_elements(self.content), MOST_ELEMENTS + 1))
        if len(found) > MOST_ELEMENTS:
            raise DerError(f"more than {MOST_ELEMENTS} elements in one")
        return found

    def expect(self, tag: int) -> "Element":
        """This one. Raises DerError when it has another tag."""
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#04x}, where {tag:#04x} is expected")
        return self

    def octets(self) -> bytes:
        """The bytes of a bit string with no unused bits. Raises DerError."""
        if self.expect(BIT_STRING).content[:1] != b"\0":
            raise DerError("a bit string that is not whole bytes")
        return self.content[1:]


def element(tag: int, content: bytes) -> bytes:
    """A value, encoded."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def public_key_info(identifier: bytes, key: bytes) -> bytes:
    """A SubjectPublicKeyInfo (RFC 5280 4.1) of an algorithm without parameters."""
    algorithm = element(SEQUENCE, element(OBJECT_IDENTIFIER, identifier))
    return element(SEQUENCE, algorithm + element(BIT_STRING, b"\0" + key))


def only(data: bytes) -> Element:
    """The element that the bytes are. Raises DerError for anything before or after it."""
    found = list(islice(_elements(data), 2))
    if len(found) != 1:
        raise DerError(f"{'more' if found else 'no'} elements, where one is expected")
    return found[0]


def _elements(data: bytes) -> Iterator[Element]:
    place = 0
    while place < len(data):
        start, end = _span(data, place)
        yield Element(data[place], data[start:end], data[place:end])
        place = end


def _span(data: bytes, place: int) -> tuple[int, int]:
    """Where the content of the element at `place` begins and ends. Raises DerError."""
    if data[place] & 0x1F == 0x1F:
        raise DerError("a tag of several bytes")
    start = place + 2
    length = int.from_bytes(data[place + 1 : start], "big")
    if length >= 0x80:
        size = length - 0x80
        start, encoded = start + size, data[start : start + size]
        length = int.from_bytes(encoded, "big")
        if length < 0x80 or not encoded[0]:
            raise DerError("a length that is indefinite, cut off, or not in its shortest form")
    if start + length > len(data):
        raise DerError(f"{start + length} bytes are needed, {len(data)} are here")
    return start, start + length

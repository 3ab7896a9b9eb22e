"""What else a file may be when it is not the bytes themselves: hexadecimal, base64, PEM, gzip."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_BYTES = 16 << 20
# The longest HSS signature has 74,988 bytes; as text it and a chain of certificates fit well.
MAX_TEXT = 1 << 20
MAX_DEPTH = 4
MAX_MEMBERS = 100
# The third byte is the method, of which there is one (RFC 1952 2.3.1): every 65,536th key and
# signature of ML-DSA begins with the first two.
GZIP = b"\x1f\x8b\x08"
BOM = b"\xef\xbb\xbf"
BLOCK = b"-----BEGIN "
_BLOCK = re.compile(rb"-----BEGIN ([^-\r\n]*)-----(.*?)(-----END \1-----|\Z)", re.DOTALL)
_PEM_HEADERS = re.compile(rb"\A\s*(?:[A-Za-z0-9-]+:[^\n]*\n)+\s*\n")
# In one pass, without a way back: a megabyte of digits may come with a space after each pair.
_WORD = rb"(?:0[xX])?+(?:[0-9a-fA-F]{2})++"
_HEX = re.compile(rb"%b(?:[\s:,;]++%b)*+\Z" % (_WORD, _WORD))
_BETWEEN = re.compile(rb"[\s:,;]+|0[xX]")
_SPACE, _LETTERS = b" \t\n\r\f\v", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# All that may be in digits of a kind. Most files have others near their beginning.
_OF_HEX = b"0123456789abcdefABCDEFxX:,;" + _SPACE
_OF_BASE64 = b"0123456789+/-_=" + _LETTERS + _SPACE
_NEAR = 64


class Reading(NamedTuple):
    """One reading of a file's bytes, and whether that is all of it."""

    data: bytes
    whole: bool = True


def readings(data: bytes, *, whole: bool = True) -> list[Reading]:
    """The bytes as they are, and all that they may stand for, as often as they were wrapped."""
    fresh = [Reading(data, whole)]
    found = list(fresh)
    for _ in range(MAX_DEPTH):
        fresh = [inner for outer in fresh for inner in _unwrapped(outer)]
        if not fresh:
            break
        found += fresh
    return found


def _unwrapped(reading: Reading) -> Iterator[Reading]:
    data = reading.data
    if data.startswith(GZIP):
        unpacked = gunzip(data)
        yield Reading(unpacked.data, unpacked.whole and reading.whole)
    elif len(data) <= MAX_TEXT:
        for text, whole in _texts(data):
            for inner in (_from_hex(text), _from_base64(text)):
                if inner:
                    yield Reading(inner, whole and reading.whole)


def _texts(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """The blocks of a PEM file (RFC 7468), and whether each has its end; or the whole text."""
    blocks = list(_BLOCK.finditer(data)) if BLOCK in data else []
    for block in blocks:
        text = b"".join(_PEM_HEADERS.sub(b"", block[2]).split())
        yield (text, True) if block[3] else (text[: len(text) // 4 * 4], False)
    if not blocks:
        yield data.removeprefix(BOM), True


def armored(data: bytes, label: str) -> str:
    """A PEM file (RFC 7468)."""
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def gunzip(data: bytes, most: int = MAX_BYTES) -> Reading:
    """What gzip packed, up to `most` bytes of it. Not whole: cut off, damaged, or longer."""
    unpacked = bytearray()
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(data, most + 1 - len(unpacked))
        except zlib.error:
            break
        if len(unpacked) > most or not member.eof:
            break
        # Some tools fill the last block with zeros; another member may follow.
        data = member.unused_data.lstrip(b"\0")
        if not data:
            return Reading(bytes(unpacked))
    return Reading(bytes(unpacked[:most]), whole=False)


def _from_hex(text: bytes) -> bytes:
    """Digits in pairs, with 0x, colons, commas or spaces; nothing for any other text."""
    if not _only(_OF_HEX, text):
        return b""
    words = text.strip(b" \t\r\n:,;")
    return binascii.unhexlify(_BETWEEN.sub(b"", words)) if _HEX.match(words) else b""


def _from_base64(text: bytes) -> bytes:
    """Base64 in lines of any length, of either alphabet; nothing for any other text."""
    if not _only(_OF_BASE64, text):
        return b""
    joined = b"".join(text.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return binascii.a2b_base64(joined + b"=" * (-len(joined) % 4), strict_mode=True)
    except binascii.Error:
        return b""


def _only(allowed: bytes, text: bytes) -> bool:
    """Whether there is nothing else in a text."""
    return not text[:_NEAR].translate(None, allowed) and not text.translate(None, allowed)

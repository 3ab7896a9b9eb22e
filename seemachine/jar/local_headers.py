"""The header before the content of each entry (APPNOTE 4.3.7), which readers of streams believe.

They do not know the directory at the end: for them, such as JarInputStream, what lies between two
of its entries is one more, and an entry is as long as its own header says.
"""

import struct
from collections.abc import Sequence
from zipfile import ZipInfo

from seemachine.jar.errors import JarError

_SIGNATURE = b"PK\x03\x04"
# Signature, flags, method, then CRC and sizes, then how long name and extra field are.
_HEADER = struct.Struct("<4s2xHH4xIIIHH")
# CRC and sizes follow the content, and not all of them are in the header.
_FOLLOWED = 0x8
# With a signature of four bytes or without, and with sizes of four or eight bytes.
_FOLLOWING: tuple[int, ...] = (12, 16, 20, 24)
_NOTHING: tuple[int, ...] = (0,)


def refuse_others(data: bytes, entries: Sequence[ZipInfo], end: int) -> None:
    """Raises JarError unless the entries, up to `end`, follow one another with nothing between
    them, and each has a header that says what the directory says.
    """
    place, following = 0, _NOTHING
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset - place not in following:
            raise JarError(
                f"bytes stand before its entry {entry.filename} that readers of streams take for"
                " another entry; pack it again"
            )
        place = _end(data, entry)
        following = _FOLLOWING if entry.flag_bits & _FOLLOWED else _NOTHING
    if end - place not in following:
        raise JarError("bytes stand after its last entry, and are of none; pack it again")


def _end(data: bytes, entry: ZipInfo) -> int:
    """Where its content ends. Raises JarError."""
    header = data[entry.header_offset : entry.header_offset + _HEADER.size]
    if len(header) < _HEADER.size:
        raise JarError(f"its entry {entry.filename} is damaged: it is cut off")
    signature, flags, method, *numbers, name, extra = _HEADER.unpack(header)
    begin = entry.header_offset + _HEADER.size
    its = (signature, flags, method, data[begin : begin + name])
    known = (_SIGNATURE, entry.flag_bits, entry.compress_type, entry.orig_filename.encode())
    followed = bool(flags & _FOLLOWED)
    agreed = followed or numbers == [entry.CRC, entry.compress_size, entry.file_size]
    if not agreed or its != known:
        raise JarError(f"its entry {entry.filename} has two headers that contradict each other")
    content: int = begin + name + extra
    return content + entry.compress_size

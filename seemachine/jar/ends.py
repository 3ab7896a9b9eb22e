"""The end of an archive, which says where its directory of entries is (APPNOTE 4.3.14 to 4.3.16).

Readers look for it from the back, and differ on what they take for one: a crafted JAR has two, and
with it other entries for Java than for `zipfile`. Only one that all read alike is read here.
"""

import struct

from seemachine.jar.errors import JarError

_SIGNATURE, _LOCATOR, _WIDE = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
# Of each: after the signature, how many entries there are, the bytes of the directory, its place.
_END = struct.Struct("<4s6xHIIH")
_WIDE_END = struct.Struct("<4s28xQQQ")
# After its signature and a number of a disk: the place of the wide end, and how many disks.
_POINTER = struct.Struct("<4s4xQ4x")
# What stands in place of a number that the wide end has.
_ELSEWHERE = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def refuse_unclear(data: bytes, entries: int) -> None:
    """Raises JarError unless the archive has one end, after a directory of so many entries."""
    place = data.rfind(_SIGNATURE)
    if place < 0 or not _is_clear(data, place, entries):
        raise JarError(
            "bytes follow its end, or its end does not say where its entries are, so that others"
            " may find other entries in it; pack it again"
        )


def _is_clear(data: bytes, place: int, entries: int) -> bool:
    if len(data) < place + _END.size:
        return False
    _, *narrow, comment = _END.unpack_from(data, place)
    numbers, until = tuple(narrow), place
    if data.startswith(_LOCATOR, max(0, place - _POINTER.size)):
        until = place - _POINTER.size - _WIDE_END.size
        wide = _wide(data, until, place)
        if any(here not in pair for here, *pair in zip(narrow, wide, _ELSEWHERE, strict=True)):
            return False
        numbers = wide
    count, size, begin = numbers
    return (count, begin + size, comment) == (entries, until, len(data) - place - _END.size)


def _wide(data: bytes, begin: int, place: int) -> tuple[int, int, int]:
    """The numbers of the wide end before the pointer to it; none that fit where it is not there."""
    _, pointed = _POINTER.unpack_from(data, place - _POINTER.size)
    if begin < 0 or pointed != begin or not data.startswith(_WIDE, begin):
        return (-1, -1, -1)
    _, count, size, offset = _WIDE_END.unpack_from(data, begin)
    return count, size, offset

"""Bytes with one bit changed."""


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes but for one bit, counted from the first byte; past the end it counts on from
    the start.
    """
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def flipped_at(data: bytes, place: int, bit: int = 0) -> bytes:
    """The same bytes but for one bit of the byte at a place, which may count from the end."""
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)

"""What a seed makes: the same bytes for the same names, on every run and platform."""

import hashlib

DOMAIN = "seemachine seeded world 1"


def derived(size: int, *names: str | int) -> bytes:
    """So many bytes of SHAKE256 over the size and the names, each after its length, so that no two
    lists of them are taken for one another.
    """
    parts = (str(part).encode() for part in (DOMAIN, size, *names))
    packed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.shake_256(packed).digest(size)

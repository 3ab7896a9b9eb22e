"""Serial numbers."""

import secrets

SERIAL_BYTES = 20


def serial_number() -> int:
    """A random one of 20 octets, positive (RFC 5280 4.1.2.2): 158 random bits, so that none comes
    twice and nobody need remember those that were given.
    """
    return 1 << (8 * SERIAL_BYTES - 2) | secrets.randbits(8 * SERIAL_BYTES - 2)

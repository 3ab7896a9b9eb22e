"""A secret in shares, any `quorum` of which give it back (Shamir 1979), over the field of 256
elements of AES.
"""

import os

SECRET_BYTES = 32


def _doubled(value: int) -> int:
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = _doubled(a), b >> 1
    return product


def _inverse(a: int) -> int:
    result = 1
    for _ in range(254):
        result = _times(result, a)
    return result


def split(secret: bytes, quorum: int, cards: int) -> list[bytes]:
    """Share k of the answer belongs to card k + 1."""
    polynomials = [bytes([byte]) + os.urandom(quorum - 1) for byte in secret]
    return [bytes(_value(polynomial, x) for polynomial in polynomials) for x in range(1, cards + 1)]


def join(shares: dict[int, bytes]) -> bytes:
    """The secret of shares by card number. Fewer than the quorum give something else."""
    weights = {x: _weight(x, list(shares)) for x in shares}
    secret = bytes(SECRET_BYTES)
    for x, share in shares.items():
        secret = bytes(
            known ^ _times(weights[x], byte) for known, byte in zip(secret, share, strict=True)
        )
    return secret


def _value(polynomial: bytes, x: int) -> int:
    value = 0
    for coefficient in reversed(polynomial):
        value = _times(value, x) ^ coefficient
    return value


def _weight(x: int, all_x: list[int]) -> int:
    weight = 1
    for other in all_x:
        if other != x:
            weight = _times(weight, _times(other, _inverse(other ^ x)))
    return weight

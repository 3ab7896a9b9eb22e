"""The hash functions of the parameter sets, and the tags that keep their uses apart (RFC 8554 7.1,
RFC 9858).
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from seemachine.lms.keys import u32
from seemachine.lms.parameters import OtsParameters

D_PBLC = b"\x80\x80"
D_MESG = b"\x81\x81"
D_LEAF = b"\x82\x82"
D_INTR = b"\x83\x83"
D_PRG = b"\xff"
# A message that is copied rather than hashed in two parts.
COPIED_BYTES = 1 << 12

Digest = Callable[[bytes], bytes]


@cache
def digest(name: str, n: int) -> Digest:
    """The function H of a set: bytes in, `n` bytes out."""
    if name == "shake":
        return lambda data: hashlib.shake_256(data).digest(n)
    if n == 32:
        return lambda data: hashlib.sha256(data).digest()
    return lambda data: hashlib.sha256(data).digest()[:n]


def start_message(ots: OtsParameters, identifier: bytes, leaf: int, randomizer: bytes) -> Any:
    """Begin Q = H(I || u32(q) || D_MESG || C || message); `update` it with the message, end with
    `finish_message` (RFC 8554 4.5).
    """
    start = hashlib.shake_256 if ots.hash == "shake" else hashlib.sha256
    return start(identifier + u32(leaf) + D_MESG + randomizer)


def start_signed(ots: OtsParameters, identifier: bytes, signature: bytes) -> Any:
    """The same from a signature as it is encoded: u32 q, u32 type, C, and more (RFC 8554 5.4)."""
    start = hashlib.shake_256 if ots.hash == "shake" else hashlib.sha256
    return start(identifier + signature[:4] + D_MESG + signature[8 : 8 + ots.n])


def finish_message(ots: OtsParameters, running: Any) -> bytes:
    """The `n` bytes of Q."""
    done: bytes = running.digest(ots.n) if ots.hash == "shake" else running.digest()[: ots.n]
    return done


def message_digest(
    ots: OtsParameters, identifier: bytes, leaf: int, randomizer: bytes, message: bytes
) -> bytes:
    """Q of a whole message."""
    if len(message) <= COPIED_BYTES:
        whole = identifier + u32(leaf) + D_MESG + randomizer + message
        return digest(ots.hash, ots.n)(whole)
    running = start_message(ots, identifier, leaf, randomizer)
    running.update(message)
    return finish_message(ots, running)


# The derivation of RFC 8554 appendix A numbers the chains from 0; Cisco's hash-sigs takes 0xfffd
# for C, far above any chain.
RANDOMIZER_INDEX = b"\xff\xfd"


def derive_randomizer(ots: OtsParameters, identifier: bytes, seed: bytes, leaf: int) -> bytes:
    """C of a leaf, `n` bytes.

    It follows from the seed, so a signature can be made again byte for byte.
    """
    return digest(ots.hash, ots.n)(identifier + u32(leaf) + RANDOMIZER_INDEX + D_PRG + seed)

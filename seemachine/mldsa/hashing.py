"""What is signed: the message representative mu (FIPS 204 5.2 and algorithm 7, line 6).

Whoever has the public key can compute it, so messages of any size stay where they are.
"""

import hashlib
from typing import Protocol

from seemachine.mldsa.parameters import MAX_CONTEXT, REPRESENTATIVE_BYTES, MldsaError

HASH_BYTES = 64


class Running(Protocol):
    """A hash that is being fed."""

    def update(self, data: bytes, /) -> None:
        """Feed it."""

    def digest(self, length: int, /) -> bytes:
        """What it has come to."""


def start_message(public_key: bytes, context: bytes = b"") -> Running:
    """What the pieces of a message go into: SHAKE256, fed with tr = H(pk), 0, |ctx| and ctx.

    Raises MldsaError for a context of more than 255 bytes.
    """
    if len(context) > MAX_CONTEXT:
        raise MldsaError(f"a context has at most {MAX_CONTEXT} bytes, not {len(context)}")
    running = hashlib.shake_256(hashlib.shake_256(public_key).digest(HASH_BYTES))
    running.update(bytes([0, len(context)]) + context)
    return running


def finish_message(running: Running) -> bytes:
    """The representative of the message that was fed, 64 bytes."""
    return running.digest(REPRESENTATIVE_BYTES)


def representative(public_key: bytes, message: bytes, context: bytes = b"") -> bytes:
    """The same of a message that is here as a whole. Raises MldsaError."""
    running = start_message(public_key, context)
    running.update(message)
    return finish_message(running)

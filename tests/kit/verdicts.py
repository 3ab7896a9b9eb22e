"""What an independent implementation says of a signature."""

import pyhsslms
from kit.signatures import MESSAGE


def verifies(public_key: bytes, signature: bytes, message: bytes = MESSAGE) -> bool:
    """The verdict of an independent implementation."""
    verdict: bool = pyhsslms.LmsPublicKey.deserialize(public_key).verify(message, signature)
    return verdict


def leaf_of(signature: bytes) -> int:
    """The leaf that a signature spent."""
    return int.from_bytes(signature[:4], "big")

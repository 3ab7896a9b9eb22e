"""Signing and verifying, each key by its algorithm."""

from dataclasses import dataclass
from pathlib import Path

from seeclient import algorithms
from seeclient.effects import Roster, Story
from seeclient.keys import KeyFile
from seeclient.message import Message


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature (of LMS: plain, RFC 8554 5.4) and where it came from.

    `leaf` made it, and `remaining` is what that machine's file has left; None where an algorithm
    has no leaves.
    """

    signature: bytes
    esn: str
    leaf: int | None = None
    remaining: int | None = None


def sign(
    roster: Roster, key: KeyFile, message: Message, acknowledge: str | None = None
) -> Story[Signed]:
    """Sign with whichever machine can.

    Raises StatusError: NotAvailable when none holds leaves of the key; UseLimitExceeded when all
    that do are at their thresholds, and `acknowledge` does not say why to go on.
    """
    return (yield from algorithms.of(key).sign(roster, key, message, acknowledge))


def verify(key: KeyFile, message: Message, signature: bytes, name: str = "it") -> str:
    """Check a signature here, without a machine. Returns its encoding, such as LMS or HSS.

    What is not a signature at all is called so by its `name`. Raises StatusError (VerifyFailed),
    with the guide's words when the roots differ.
    """
    return algorithms.of(key).verify(key, message, signature, name)


class LocalKey:
    """What can be done with a key of this host without a machine; each client's `Key` adds the
    rest.
    """

    def __init__(self, file: KeyFile) -> None:
        self.file = file

    @property
    def alias(self) -> str:
        """Its name on this host."""
        return self.file.alias

    @property
    def public_key(self) -> bytes:
        """Of LMS the plain public key: 56 bytes for m=32, 48 for m=24 (RFC 8554 5.3)."""
        return self.file.public_key

    def verify(self, message: bytes | Path, signature: bytes) -> None:
        """Check a signature; of LMS plain, or HSS of one level. Raises StatusError (VerifyFailed).

        It takes some milliseconds at most, besides reading a file.
        """
        verify(self.file, Message(message), signature)

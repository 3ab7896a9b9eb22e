"""What came of a case: the verdict over every signature that anybody got, by an implementation that
is not ours.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

import pyhsslms
from restores.process import Signed


class Verdict(Enum):
    """`noticed`: a machine refused something.

    `harmless`: nothing was refused, and no leaf came twice. `reused`: one did.
    """

    NOTICED = "noticed"
    HARMLESS = "harmless"
    REUSED = "reused"


def reused(signed: Iterable[Signed]) -> list[tuple[str, int]]:
    """Keys, by their identifier I in hexadecimal, and leaves q that signed two messages.

    Fails on a signature that does not verify.
    """
    digests: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for each in signed:
        key = pyhsslms.LmsPublicKey.deserialize(each.public_key)
        assert key.verify(each.message, each.signature), "a signature does not verify"
        leaf = int.from_bytes(each.signature[:4], "big")
        digests[each.public_key[8:24].hex(), leaf].add(hashlib.sha256(each.message).digest())
    return sorted(leaf for leaf, messages in digests.items() if len(messages) > 1)


def judge(signed: Iterable[Signed], refused: list[str]) -> Verdict:
    """The verdict of a case."""
    if reused(signed):
        return Verdict.REUSED
    return Verdict.NOTICED if refused else Verdict.HARMLESS

"""Leaves that made two signatures, with and without keys and messages.

Two signatures of one leaf that differ give the key away.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from seemachine.audit.evidence import LEAF_BYTES, MARK_BYTES, KnownSignature, LeafUse
from seemachine.audit.findings import BAD, REUSE, Finding
from seemachine.audit.reading import read_again
from seemachine.lms.hss import HssSignature
from seemachine.lms.keys import Signature


def doubles(signatures: Sequence[KnownSignature]) -> Iterator[Finding]:
    """What such leaves are, in an order that does not depend on which file was read first."""
    twice = _used_twice(signatures)
    uses = (use for each in signatures if twice for use in each.uses() if use.place in twice)
    leaves: dict[bytes, dict[bytes, LeafUse]] = defaultdict(dict)
    for use in sorted(uses, key=_proven_first):
        leaves[use.place].setdefault(use.made, use)
    for found in leaves.values():
        yield from _doubles_of_a_leaf(found.values())


def _used_twice(signatures: Iterable[KnownSignature]) -> set[bytes]:
    """The places of leaves that made two different signatures."""
    first: dict[bytes, bytes] = {}
    twice = set()
    for mark in (mark for signature in signatures for mark in _marks(signature)):
        place = mark[:LEAF_BYTES]
        if first.setdefault(place, mark) != mark:
            twice.add(place)
    return twice


def _marks(signature: KnownSignature) -> Iterable[bytes]:
    marks = signature.marks
    if len(marks) == MARK_BYTES:
        return (marks,)
    return (marks[start : start + MARK_BYTES] for start in range(0, len(marks), MARK_BYTES))


def _proven_first(use: LeafUse) -> tuple[bool, str, bytes]:
    return use.key is None, use.source, use.made


def _doubles_of_a_leaf(found: Iterable[LeafUse]) -> Iterator[Finding]:
    """What is proven goes first: of two signatures that are nearly one, the other is damaged."""
    different: list[LeafUse] = []
    for use in found:
        like = next((other for other in different if _one_of_them_damaged(use, other)), None)
        if like is None:
            different.append(use)
            continue
        sources = (use.source, like.source)
        what = f"{sources[0]} and {sources[1]} are one signature but for a few bytes"
        yield Finding(BAD, f"{what}: one of them is damaged", sources)
    if len(different) > 1:
        names = tuple(sorted(use.source for use in different))
        made = f"leaf {different[0].leaf} of one key made {len(different)}"
        yield Finding(REUSE, f"{made} different signatures: {', '.join(names)}", names)


def _one_of_them_damaged(one: LeafUse, other: LeafUse) -> bool:
    """Two that verify are two signatures, however near they are; so are two of which one can't be
    read again.
    """
    if one.key is not None and other.key is not None:
        return False
    try:
        return _damaged(parts_of(one), parts_of(other))
    except OSError:
        return False


def parts_of(use: LeafUse) -> Signature:
    """The plain signature that a leaf made. Raises OSError."""
    data = read_again(use.signature)
    if use.signature.levels == 1:
        return Signature.decode(data)
    return HssSignature.decode(data).signatures[use.level]


def _damaged(one: Signature, other: Signature) -> bool:
    """Whether two signatures of a leaf are of one message.

    Those of two differ in half of their chains at least, but for rare luck.
    """
    n, p = one.ots.n, one.ots.p
    changed = sum(
        one.chains[place : place + n] != other.chains[place : place + n]
        for place in range(0, n * p, n)
    )
    return changed * 4 < p

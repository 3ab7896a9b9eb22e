"""Checking signatures: the roots that they lead to (RFC 8554 5.4.2, algorithm 6a)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seemachine.lms.engines import Claim, Engine
from seemachine.lms.hashing import D_INTR, digest, finish_message, start_message
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import ParameterError, TreeParameters


class Candidate(NamedTuple):
    """A plain signature that `key` may have made, encoded as in RFC 8554 5.4 and of its parameter
    sets, over what hashes to `digest` (Q, n bytes).
    """

    key: PublicKey
    digest: bytes
    signature: bytes


def climb(tree: TreeParameters, identifier: bytes, number: int, node: bytes, path: bytes) -> bytes:
    """The node reached from node `number` with the joined siblings of `path`, nearest first."""
    h, m = digest(tree.hash, tree.m), tree.m
    for offset in range(0, len(path), m):
        sibling = path[offset : offset + m]
        pair = sibling + node if number & 1 else node + sibling
        number >>= 1
        node = h(identifier + u32(number) + D_INTR + pair)
    return node


def candidate_root(
    engine: Engine, key: PublicKey, message: Iterable[bytes], signature: bytes
) -> bytes:
    """The root that `signature` over the pieces of `message` leads to; it verifies when this equals
    `key.root`.

    Raises ParameterError when the signature cannot be one of this key: malformed, or of another
    parameter set.
    """
    parts = Signature.decode(signature)
    refuse_other_sets(key, parts)
    running = start_message(parts.ots, key.identifier, parts.leaf, parts.randomizer)
    for piece in message:
        running.update(piece)
    [root] = roots(engine, [Candidate(key, finish_message(parts.ots, running), signature)])
    return root


def refuse_other_sets(key: PublicKey, made: Signature) -> None:
    """Raises ParameterError for a signature of other parameter sets than its key."""
    if (made.tree, made.ots) != (key.tree, key.ots):
        raise ParameterError(
            f"the signature is {made.tree.name} {made.ots.name}, the key is {key.tree.name}"
            f" {key.ots.name}"
        )


def roots(engine: Engine, candidates: Sequence[Candidate]) -> list[bytes]:
    """The root that each candidate leads to, in their order. Those of one pair of parameter sets
    go to the engine in one call.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for place, (key, _, _) in enumerate(candidates):
        groups.setdefault((key.tree.typecode, key.ots.typecode), []).append(place)
    found = [b""] * len(candidates)
    for places in groups.values():
        for place, root in zip(places, _of_one_kind(engine, candidates, places), strict=True):
            found[place] = root
    return found


def _of_one_kind(
    engine: Engine, candidates: Sequence[Candidate], places: Sequence[int]
) -> list[bytes]:
    kind = candidates[places[0]].key
    those = [candidates[place] for place in places]
    claims: list[Claim] = [(key.identifier, q, signature) for key, q, signature in those]
    return engine.roots(kind.tree, kind.ots, claims)

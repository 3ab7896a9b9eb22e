"""Checking a signature: the root that it leads to (RFC 8554 5.4.2, algorithm 6a)."""

from collections.abc import Iterable

from seemachine.lms.engines import Engine, RecoverJob
from seemachine.lms.hashing import D_INTR, D_LEAF, digest, finish_message, start_message
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import ParameterError, TreeParameters


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
    if (parts.tree, parts.ots) != (key.tree, key.ots):
        raise ParameterError(
            f"the signature is {parts.tree.name} {parts.ots.name}, the key is {key.tree.name}"
            f" {key.ots.name}"
        )
    running = start_message(parts.ots, key.identifier, parts.leaf, parts.randomizer)
    for piece in message:
        running.update(piece)
    q = finish_message(parts.ots, running)
    [recovered] = engine.recover(
        parts.ots, [RecoverJob(key.identifier, parts.leaf, q, parts.chains)]
    )
    number = (1 << key.tree.h) + parts.leaf
    leaf = digest(key.tree.hash, key.tree.m)(key.identifier + u32(number) + D_LEAF + recovered)
    return climb(key.tree, key.identifier, number, leaf, parts.path)

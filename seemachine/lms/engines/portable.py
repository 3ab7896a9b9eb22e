"""LM-OTS and the tree hash in plain Python: the definition that faster engines are held to."""

import hashlib
from collections.abc import Iterator, Sequence

from seemachine.lms.engines import Claim, RecoverJob, SignJob
from seemachine.lms.hashing import D_INTR, D_LEAF, D_PBLC, D_PRG, digest
from seemachine.lms.keys import Signature, u32
from seemachine.lms.parameters import OtsParameters, TreeParameters
from seemachine.lms.verifying import climb

_BYTES = [bytes([value]) for value in range(256)]


def coefficients(ots: OtsParameters, message_digest: bytes) -> list[int]:
    """The p numbers of w bits that say how far each chain goes: Q, then its checksum (RFC 8554
    3.1.3, 4.4).
    """
    top = (1 << ots.w) - 1
    parts = list(_split(message_digest, ots.w))
    checksum = sum(top - part for part in parts) << ots.ls
    return (parts + list(_split(checksum.to_bytes(2, "big"), ots.w)))[: ots.p]


def _split(data: bytes, w: int) -> Iterator[int]:
    for byte in data:
        for shift in range(8 - w, -1, -w):
            yield byte >> shift & ((1 << w) - 1)


def _walk(ots: OtsParameters, prefix: bytes, value: bytes, start: int, end: int) -> bytes:
    """Steps start..end-1 of one chain. `prefix` is I || u32(q) || u16(i)."""
    # A hash object that has taken the prefix is cheaper to copy than the prefix is to hash again.
    if ots.hash == "shake":
        shaken = hashlib.shake_256(prefix).copy
        for step in _BYTES[start:end]:
            shaking = shaken()
            shaking.update(step + value)
            value = shaking.digest(ots.n)
        return value
    fresh, n = hashlib.sha256(prefix).copy, ots.n
    for step in _BYTES[start:end]:
        running = fresh()
        running.update(step + value)
        value = running.digest()[:n]
    return value


class PortableEngine:
    """Python and hashlib, one thread."""

    name = "portable"
    kernel = "portable"
    hashes_per_second = 2_800_000

    def leaf_nodes(
        self,
        tree: TreeParameters,
        ots: OtsParameters,
        identifier: bytes,
        seed: bytes,
        leaves: range,
    ) -> bytes:
        """See Engine."""
        h = digest(tree.hash, tree.m)
        keys = (self._public_key(ots, identifier, seed, leaf) for leaf in leaves)
        return b"".join(
            h(identifier + u32((1 << tree.h) + leaf) + D_LEAF + key)
            for leaf, key in zip(leaves, keys, strict=True)
        )

    def parents(
        self, tree: TreeParameters, identifier: bytes, number: int, children: bytes
    ) -> bytes:
        """See Engine."""
        h, pair = digest(tree.hash, tree.m), 2 * tree.m
        return b"".join(
            h(
                identifier
                + u32(number + index)
                + D_INTR
                + children[index * pair : (index + 1) * pair]
            )
            for index in range(len(children) // pair)
        )

    def sign(self, ots: OtsParameters, jobs: Sequence[SignJob]) -> list[bytes]:
        """See Engine."""
        return [self._sign(ots, job) for job in jobs]

    def recover(self, ots: OtsParameters, jobs: Sequence[RecoverJob]) -> list[bytes]:
        """See Engine."""
        return [self._recover(ots, job) for job in jobs]

    def roots(
        self, tree: TreeParameters, ots: OtsParameters, claims: Sequence[Claim]
    ) -> list[bytes]:
        """See Engine."""
        return [self._root(tree, ots, claim) for claim in claims]

    def _public_key(self, ots: OtsParameters, identifier: bytes, seed: bytes, leaf: int) -> bytes:
        ends = [(1 << ots.w) - 1] * ots.p
        return self._close(ots, identifier, leaf, self._chains(ots, identifier, seed, leaf, ends))

    def _sign(self, ots: OtsParameters, job: SignJob) -> bytes:
        return self._chains(ots, job.identifier, job.seed, job.leaf, coefficients(ots, job.digest))

    def _chains(
        self, ots: OtsParameters, identifier: bytes, seed: bytes, leaf: int, ends: list[int]
    ) -> bytes:
        """Each chain from its private value x[i] = H(I || q || i || 0xff || seed) to its end."""
        h, base = digest(ots.hash, ots.n), identifier + u32(leaf)
        values = []
        for index, end in enumerate(ends):
            prefix = base + index.to_bytes(2, "big")
            values.append(_walk(ots, prefix, h(prefix + D_PRG + seed), 0, end))
        return b"".join(values)

    def _recover(self, ots: OtsParameters, job: RecoverJob) -> bytes:
        base, top = job.identifier + u32(job.leaf), (1 << ots.w) - 1
        values = []
        for index, start in enumerate(coefficients(ots, job.digest)):
            given = job.chains[index * ots.n : (index + 1) * ots.n]
            values.append(_walk(ots, base + index.to_bytes(2, "big"), given, start, top))
        return self._close(ots, job.identifier, job.leaf, b"".join(values))

    def _root(self, tree: TreeParameters, ots: OtsParameters, claim: Claim) -> bytes:
        identifier, q, signature = claim
        made = Signature.decode(signature)
        key = self._recover(ots, RecoverJob(identifier, made.leaf, q, made.chains))
        number = (1 << tree.h) + made.leaf
        leaf = digest(tree.hash, tree.m)(identifier + u32(number) + D_LEAF + key)
        return climb(tree, identifier, number, leaf, made.path)

    def _close(self, ots: OtsParameters, identifier: bytes, leaf: int, chains: bytes) -> bytes:
        """K = H(I || u32(q) || D_PBLC || y[0] || ... || y[p-1])."""
        return digest(ots.hash, ots.n)(identifier + u32(leaf) + D_PBLC + chains)

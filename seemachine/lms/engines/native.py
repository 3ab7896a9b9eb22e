"""The native engine: C kernels for the vector and hash instructions of the processor at hand
(kernel/), leaves spread over all cores.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from seemachine.lms.engines import (
    Claim,
    Description,
    EngineError,
    RecoverJob,
    SignJob,
    _native,
    usable_cores,
)
from seemachine.lms.parameters import OtsParameters, TreeParameters

if TYPE_CHECKING:
    from seemachine.lms.engines.pool import Pool

# The first of these that runs here and proves itself is taken: wide ones for all that fills their
# lanes, narrow ones for what comes in ones and twos. For SHAKE256 only the wide vectors and plain C
# have kernels of their own.
_WIDE = {
    "sha256": ("avx512", "sha_ni", "avx2", "x4", "scalar"),
    "shake": ("avx512", "avx2", "scalar"),
}
_NARROW = {"sha256": ("sha_ni", "scalar"), "shake": ("scalar",)}

# SHA-256 blocks per second on one core, rounded down from what benchmarks/engines.py shows on a Zen
# 5 at 3.8 GHz.
_HASHES_PER_SECOND = {
    "avx512": 100_000_000,
    "sha_ni": 50_000_000,
    "avx2": 28_000_000,
    "x4": 13_000_000,
    "scalar": 7_000_000,
}

# A task is 64 leaves at w=8: some milliseconds, long against the switch of a thread and short for
# those who wait their turn.
_TASK_HASHES = 64 * 34 * 256
# Leaves that any kernel takes in whole groups.
_GROUP = 32


class NativeEngine:
    """C kernels, many threads.

    `forced` names the kernel for everything; otherwise the fastest ones are taken. Raises
    EngineError.
    """

    name = "native"

    def __init__(self, forced: str | None = None, pool: "Pool | None" = None) -> None:
        self.refused: dict[str, str] = {}
        self.cores = pool.threads if pool else usable_cores()
        self._pool = pool
        self._wide = {
            hash_name: self._first(hash_name, (forced,) if forced else order)
            for hash_name, order in _WIDE.items()
        }
        self._narrow = {
            hash_name: self._first(hash_name, (forced,) if forced else order)
            for hash_name, order in _NARROW.items()
        }
        self._numbers = {
            name: (_find(self._wide[name], name), _find(self._narrow[name], name)) for name in _WIDE
        }
        self.kernel = self._wide["sha256"]
        self.hashes_per_second = _HASHES_PER_SECOND[self.kernel] * self.cores

    def describe(self) -> Description:
        """See seemachine.lms.engines.describe."""
        wide = dict(self._wide)
        return Description(self.name, wide, dict(wide), self.cores, dict(self.refused))

    def _first(self, hash_name: str, order: Sequence[str]) -> str:
        for name in order:
            try:
                _find(name, hash_name)
            except ValueError as reason:
                self.refused[name] = str(reason)
            else:
                return name
        raise EngineError(
            "; ".join(f"the kernel {name} cannot be used: {self.refused[name]}" for name in order)
        )

    def leaf_nodes(
        self,
        tree: TreeParameters,
        ots: OtsParameters,
        identifier: bytes,
        seed: bytes,
        leaves: range,
    ) -> bytes:
        """See Engine. Spread over all cores, in turn with other callers."""
        kernels, first, end = self._numbers[ots.hash], leaves.start, leaves.stop
        size = self._task_leaves(ots, end - first)
        tasks = [
            partial(
                _native.leaf_nodes,
                kernels,
                ots.n,
                ots.w,
                tree.h,
                identifier,
                seed,
                start,
                min(size, end - start),
            )
            for start in range(first, end, size)
        ]
        return b"".join(self._leaf_pool().run(tasks))

    def parents(
        self, tree: TreeParameters, identifier: bytes, number: int, children: bytes
    ) -> bytes:
        """See Engine."""
        return _native.parents(self._numbers[tree.hash], tree.m, identifier, number, children)

    def sign(self, ots: OtsParameters, jobs: Sequence[SignJob]) -> list[bytes]:
        """See Engine. Works in the caller's thread, and never waits for leaves."""
        return _native.sign(self._numbers[ots.hash], ots.n, ots.w, jobs)

    def recover(self, ots: OtsParameters, jobs: Sequence[RecoverJob]) -> list[bytes]:
        """See Engine. Works in the caller's thread, and never waits for leaves."""
        return _native.recover(self._numbers[ots.hash], ots.n, ots.w, jobs)

    def roots(
        self, tree: TreeParameters, ots: OtsParameters, claims: Sequence[Claim]
    ) -> list[bytes]:
        """See Engine. Works in the caller's thread, and never waits for leaves."""
        return _native.roots(self._numbers[ots.hash], ots.n, ots.w, tree.h, claims)

    def _task_leaves(self, ots: OtsParameters, count: int) -> int:
        """Leaves in one task, a multiple of _GROUP: all cores get some of a short run too."""
        share = -(-count // self.cores)
        return -(-min(share, _TASK_HASHES // (ots.p << ots.w)) // _GROUP) * _GROUP or _GROUP

    def _leaf_pool(self) -> "Pool":
        # Signing and verifying start no threads, and programs that do nothing else start sooner. A
        # forked child must ask anew.
        from seemachine.lms.engines.pool import shared

        return self._pool or shared(self.cores)


def _find(name: str, hash_name: str) -> int:
    """The number of a kernel. Raises ValueError with the reason why it is not to be used."""
    return _native.find(name, hash_name)

"""The native engine: C kernels for the vector and hash instructions of the processor at hand (kernel/), leaves spread over all cores."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from seemachine.lms.engines import Description, EngineError, RecoverJob, SignJob, _native
from seemachine.lms.engines.pool import Pool, shared, usable_cores
from seemachine.lms.parameters import OtsParameters, TreeParameters

# The first of these that runs here and proves itself is taken. For SHAKE256 only plain C and the wide vectors have kernels of their own.
_GENERATING = {"sha256": ("avx512", "sha_ni", "avx2", "x4", "scalar"), "shake": ("avx512", "avx2", "scalar")}
_SIGNING = {"sha256": ("avx512", "sha_ni", "avx2", "x4", "scalar"), "shake": ("avx512", "avx2", "scalar")}
_NARROW = {"sha256": ("sha_ni", "scalar"), "shake": ("scalar",)}

# SHA-256 blocks per second on one core of the kind of machine that we measure on, rounded down (benchmarks/ measures them).
_HASHES_PER_SECOND = {"avx512": 100_000_000, "sha_ni": 50_000_000, "avx2": 28_000_000, "x4": 13_000_000, "scalar": 6_000_000}

# A task is 64 leaves at w=8: some milliseconds, long against the switch of a thread and short for those who wait their turn.
_TASK_HASHES = 64 * 34 * 256
# From this w on chains are long enough for lanes.
_LONG_CHAINS = 4
# Leaves that any kernel takes in whole groups.
_GROUP = 32


@dataclass(frozen=True, slots=True)
class Crew:
    """The kernels for one hash function, by name."""

    generating: str
    signing: str
    narrow: str


class NativeEngine:
    """C kernels, many threads. `forced` names the kernel for everything; otherwise the fastest ones are taken. Raises EngineError."""

    name = "native"

    def __init__(self, forced: str | None = None, pool: Pool | None = None) -> None:
        self.refused: dict[str, str] = {}
        self._pool = pool or shared()
        self.crews = {hash_name: self._muster(hash_name, forced) for hash_name in _GENERATING}
        self._numbers = {
            name: (_find(crew.generating, name), _find(crew.signing, name), _find(crew.narrow, name)) for name, crew in self.crews.items()
        }
        self.kernel = self.crews["sha256"].generating
        self.hashes_per_second = _HASHES_PER_SECOND[self.kernel] * usable_cores()

    def describe(self) -> Description:
        """See seemachine.lms.engines.describe."""
        generating = {name: crew.generating for name, crew in self.crews.items()}
        signing = {name: crew.signing for name, crew in self.crews.items()}
        return Description(self.name, generating, signing, self._pool.threads, dict(self.refused))

    def _muster(self, hash_name: str, forced: str | None) -> Crew:
        if forced:
            try:
                _find(forced, hash_name)
            except ValueError as reason:
                raise EngineError(f"the kernel {forced} cannot be used: {reason}") from None
            return Crew(forced, forced, forced)
        return Crew(*(self._first(hash_name, order[hash_name]) for order in (_GENERATING, _SIGNING, _NARROW)))

    def _first(self, hash_name: str, order: Sequence[str]) -> str:
        for name in order:
            try:
                _find(name, hash_name)
            except ValueError as reason:
                self.refused[name] = str(reason)
            else:
                return name
        raise EngineError(f"no native kernel for {hash_name} can be used: {self.refused}")

    def leaf_nodes(self, tree: TreeParameters, ots: OtsParameters, identifier: bytes, seed: bytes, leaves: range) -> bytes:
        """See Engine."""
        kernels, first, end = self._wide(ots.hash), leaves.start, leaves.stop
        size = self._task_leaves(ots, end - first)
        tasks = [
            partial(_native.leaf_nodes, kernels, ots.n, ots.w, tree.h, identifier, seed, start, min(size, end - start))
            for start in range(first, end, size)
        ]
        return b"".join(self._pool.run(tasks))

    def parents(self, tree: TreeParameters, identifier: bytes, number: int, children: bytes) -> bytes:
        """See Engine."""
        return _native.parents(self._wide(tree.hash), tree.m, identifier, number, children)

    def sign(self, ots: OtsParameters, jobs: Sequence[SignJob]) -> list[bytes]:
        """See Engine. Works in the caller's thread, never behind leaves."""
        return _native.sign(self._long(ots), ots.n, ots.w, jobs)

    def recover(self, ots: OtsParameters, jobs: Sequence[RecoverJob]) -> list[bytes]:
        """See Engine. Works in the caller's thread, never behind leaves."""
        return _native.recover(self._long(ots), ots.n, ots.w, jobs)

    def _wide(self, hash_name: str) -> tuple[int, int]:
        generating, _, narrow = self._numbers[hash_name]
        return generating, narrow

    def _long(self, ots: OtsParameters) -> tuple[int, int]:
        """For chains of unequal length. Where they are short, putting them into lanes takes longer than walking them with SHA-NI."""
        _, signing, narrow = self._numbers[ots.hash]
        if ots.w < _LONG_CHAINS and self.crews[ots.hash].narrow == "sha_ni":
            return narrow, narrow
        return signing, narrow

    def _task_leaves(self, ots: OtsParameters, count: int) -> int:
        """Leaves in one task, a multiple of _GROUP: all cores get some of a short run too."""
        share = -(-count // self._pool.threads)
        return -(-min(share, _TASK_HASHES // (ots.p << ots.w)) // _GROUP) * _GROUP or _GROUP


def _find(name: str, hash_name: str) -> int:
    """Raises ValueError with the reason why this kernel is not to be used."""
    return _native.find(name, hash_name)

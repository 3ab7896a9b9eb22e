"""Who does the hashing. The portable engine is the definition; any other must give the same bytes.

The seam is a batch: many leaves of one seed, many signatures of one set. That is what wide kernels
need and what tests can exhaust.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from seemachine.frozen import frozen
from seemachine.lms.parameters import OtsParameters, TreeParameters

if TYPE_CHECKING:
    from seemachine.lms.engines.native import NativeEngine


# Jobs are tuples, because thousands of them are made in a moment.
class SignJob(NamedTuple):
    """One one-time signature to make: leaf `leaf` of `identifier`, private values from `seed` (24
    to 32 bytes), digest Q (n bytes).
    """

    identifier: bytes
    seed: bytes
    leaf: int
    digest: bytes

    def __repr__(self) -> str:
        # No seed gets into a log.
        return f"SignJob(identifier={self.identifier!r}, leaf={self.leaf}, digest={self.digest!r})"


class RecoverJob(NamedTuple):
    """One one-time signature to check: its chains (p values of n bytes, joined) and the digest Q of
    what it should sign.
    """

    identifier: bytes
    leaf: int
    digest: bytes
    chains: bytes


# A whole signature to check: I, Q (n bytes), and the signature encoded as in RFC 8554 5.4.
Claim = tuple[bytes, bytes, bytes]


class Engine(Protocol):
    """All methods are pure, may be called from many threads at once, and take lengths as checked by
    their callers.
    """

    name: str
    kernel: str
    hashes_per_second: int  # nominal, of all cores; only for choosing how much to do in one step

    def leaf_nodes(
        self,
        tree: TreeParameters,
        ots: OtsParameters,
        identifier: bytes,
        seed: bytes,
        leaves: range,
    ) -> bytes:
        """The nodes T[2^h + q] of consecutive leaves q, m bytes each, joined (RFC 8554 5.3,
        appendix A).
        """

    def parents(
        self, tree: TreeParameters, identifier: bytes, number: int, children: bytes
    ) -> bytes:
        """The nodes `number`, `number + 1`, ... above an even count of joined children (RFC 8554
        5.3).
        """

    def sign(self, ots: OtsParameters, jobs: Sequence[SignJob]) -> list[bytes]:
        """The chains of each signature, p values of n bytes joined (RFC 8554 4.5)."""

    def recover(self, ots: OtsParameters, jobs: Sequence[RecoverJob]) -> list[bytes]:
        """The one-time public key Kc that each signature leads to, n bytes (RFC 8554 4.6)."""

    def roots(
        self, tree: TreeParameters, ots: OtsParameters, claims: Sequence[Claim]
    ) -> list[bytes]:
        """The root that each signature leads to, m bytes (RFC 8554 5.4.2, algorithm 6a)."""


ENVIRONMENT = "SEEMACHINE_ENGINE"
CHOICES = ("portable", "scalar", "x4", "avx2", "avx512", "sha_ni")


class EngineError(Exception):
    """The engine or kernel that was asked for does not exist or cannot run here.

    The text says why.
    """


@frozen
class Description:
    """What works here: kernels for making leaves and for signing and verifying, by hash function,
    and why others do not.
    """

    engine: str
    generating: dict[str, str]
    signing: dict[str, str]
    cores: int
    refused: dict[str, str]


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def select() -> Engine:
    """The fastest engine that proves itself, or what SEEMACHINE_ENGINE names: then never another
    one.

    Raises EngineError.
    """
    forced = os.environ.get(ENVIRONMENT) or None
    if forced not in (None, *CHOICES):
        raise EngineError(f"{ENVIRONMENT}={forced} is none of {', '.join(CHOICES)}")
    if forced == "portable":
        return _portable()
    try:
        return _load_native(forced)
    except EngineError:
        if forced:
            raise
        return _portable()


def describe() -> Description:
    """What `select` gives, and why not something faster. Raises EngineError as `select` does."""
    engine = select()
    if engine.name == "native":
        return _load_native(os.environ.get(ENVIRONMENT) or None).describe()
    every = dict.fromkeys(("sha256", "shake"), engine.kernel)
    return Description(engine.name, every, every, 1, _why_portable())


def missed() -> str:
    """Why there is no native engine where nobody asked for the portable one; else empty."""
    return "" if os.environ.get(ENVIRONMENT) else _why_portable().get("native", "")


def _portable() -> Engine:
    # Imported only where it works: hashlib costs more than the native engine.
    from seemachine.lms.engines.portable import PortableEngine

    return PortableEngine()


def _load_native(forced: str | None) -> "NativeEngine":
    try:
        from seemachine.lms.engines.native import NativeEngine
    except ImportError as error:
        raise EngineError(f"the native engine is not built: {_noted() or error}") from None
    return NativeEngine(forced)


def _noted() -> str:
    """What setup.py wrote in place of the engine."""
    from pathlib import Path

    try:
        return Path(__file__).with_name("not_built.txt").read_text().strip()
    except OSError:
        return ""


def _why_portable() -> dict[str, str]:
    if os.environ.get(ENVIRONMENT):
        return {"native": f"{ENVIRONMENT} asks for the portable engine"}
    try:
        _load_native(None)
    except EngineError as reason:
        return {"native": str(reason)}
    return {}

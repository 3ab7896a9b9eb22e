"""Parameter sets, and whole signatures made from their parts."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seemachine.lms.engines import Engine
from seemachine.lms.generation import Generation
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.lms.lease import Lease, build_page, page_of
from seemachine.lms.parameters import OTS_SETS, OtsParameters, TreeParameters, lms, signature_bytes
from seemachine.lms.tree import NodeTable
from seemachine.lms.verifying import candidate_root

MESSAGE = b"firmware 1.0"
# Every LM-OTS set under its own tree of height 5: each hash, length and width once.
H5_SETS = [(lms(f"{ots.hash}_m{ots.n}_h5"), ots) for ots in OTS_SETS]
# The cheapest one, for what does not depend on the set.
CHEAP = next((tree, ots) for tree, ots in H5_SETS if ots.name == "sha256_n24_w2")
# A taller one, for pages smaller than a lease: they have 64 leaves at least.
TALL = (lms("sha256_m24_h10"), CHEAP[1])
Random = Callable[[int], bytes]


def set_name(value: object) -> str | None:
    """A short name in pytest's output for a parameter set or a pair of them."""
    if isinstance(value, OtsParameters | TreeParameters):
        return value.name
    return None


def forced(identifier: bytes, seed: bytes) -> Random:
    """A "random" source that gives a published identifier and seed, the latter whatever the length
    that is asked for.
    """
    return lambda size: identifier if size == len(identifier) else seed


def never() -> bool:
    """Do not stop."""
    return False


def finish(engine: Engine, generation: Generation) -> list[bytes]:
    """Do all the steps that remain. Returns what each gave."""
    return list(_steps(engine, generation))


def _steps(engine: Engine, generation: Generation) -> Iterator[bytes]:
    while generation.remaining:
        yield generation.step(engine, never)


def sign(
    engine: Engine,
    lease: Lease,
    leaf: int,
    message: bytes = MESSAGE,
    table: NodeTable | None = None,
) -> bytes:
    """A whole signature, as a machine makes it."""
    ots = lease.key.ots
    page = build_page(engine, lease, page_of(lease, leaf, table), table)
    digest = message_digest(ots, lease.key.identifier, leaf, lease.randomizer(leaf), message)
    [chains] = engine.sign(ots, [lease.job(leaf, digest)])
    return lease.assemble(page, leaf, chains)


def leads_to_root(engine: Engine, key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether a signature leads to the root of the key."""
    return candidate_root(engine, key, [message], signature) == key.root


def peel(public_key: bytes, signature: bytes) -> list[tuple[bytes, bytes | None, bytes]]:
    """Take the HSS encoding (RFC 8554 6) apart: plain public key, what it signs, plain signature,
    one a level.

    The lowest level signs the message, which stands as None.
    """
    levels, key = int.from_bytes(public_key[:4], "big"), public_key[4:]
    signed = int.from_bytes(signature[:4], "big")
    assert signed == levels - 1
    rest, found = signature[4:], []
    for _ in range(signed):
        decoded = PublicKey.decode(key)
        size = signature_bytes(decoded.tree, decoded.ots)
        one, rest = rest[:size], rest[size:]
        below = rest[: lms(int.from_bytes(rest[:4], "big")).public_key_bytes]
        rest = rest[len(below) :]
        found.append((key, below, one))
        key = below
    found.append((key, None, rest))
    return found


class OneProcess:
    """What hsslms needs of multiprocessing.Pool, in this process: small sets need no others."""

    def __init__(self, _processes: int) -> None:
        """Take the number of processes and ignore it."""

    def __enter__(self) -> "OneProcess":
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def starmap(self, function: Callable[..., Any], arguments: Iterable[Any]) -> list[Any]:
        """Apply a function to each tuple of arguments."""
        return [function(*each) for each in arguments]

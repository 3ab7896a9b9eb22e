"""Libraries on one interface: make a key, sign and verify with it.

Ours and those of PyPI run in this process.
"""

import itertools
import os
from typing import Protocol

import hsslms
from host import CORES, one_thread
from measure import once, rate
from pyhsslms import pyhsslms

from seemachine.lms import engines
from seemachine.lms.engines import Engine
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.generation import Generation, default_expchunk
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import u32
from seemachine.lms.lease import leaf_page
from seemachine.lms.parameters import OtsParameters, TreeParameters, lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.lms.verifying import candidate_root
from seemachine.wire.names import MAX_EXPCACHE

MESSAGE = b"firmware image, version 1.0.0.00"


class Library(Protocol):
    """Signing and verifying take the key that was made last; `signs` is false where that is not
    worth measuring again.

    A `caveat` says why signing is measured but not compared.
    """

    name: str
    cores: int
    signs: bool
    caveat: str

    def keygen(self, h: int, w: int) -> float:
        """Make a key of sha256, n=32. Seconds."""

    def sign(self, duration: float) -> float:
        """Signatures of MESSAGE per second, over about `duration` seconds, nothing written to disk
        where the library leaves that to us.
        """

    def verify(self, duration: float) -> float:
        """Verifications per second."""

    def close(self) -> None:
        """End what it runs."""


def sets(h: int, w: int) -> tuple[TreeParameters, OtsParameters]:
    """The parameter sets of all comparisons."""
    return lms(f"sha256_m32_h{h}"), lmots(f"sha256_n32_w{w}")


def make(engine: Engine, h: int, w: int) -> Generation:
    """A whole key as the daemon makes it, without the daemon."""
    tree, ots = sets(h, w)
    generation = Generation(
        tree,
        ots,
        Sectors(h, 0, 0),
        default_expchunk(engine, tree, ots),
        min(h, MAX_EXPCACHE),
        os.urandom,
    )
    while generation.remaining:
        generation.step(engine, lambda: False)
    return generation


class Ours:
    """An engine of ours, with the tree in memory.

    Leaves go round: this key is of no use to anybody.
    """

    caveat = ""

    def __init__(self, name: str, engine: Engine, cores: int) -> None:
        self.name, self.cores, self.signs = name, cores, cores == 1
        self._engine = engine

    def keygen(self, h: int, w: int) -> float:
        """See Library."""
        made: list[Generation] = []
        took = once(lambda: made.append(make(self._engine, h, w)))
        self._table, self._lease = made[0].table, made[0].lease(0)
        self._leaves = itertools.cycle(range(1 << h))
        return took

    def sign(self, duration: float) -> float:
        """See Library."""
        return rate(self._sign, duration)

    def verify(self, duration: float) -> float:
        """See Library."""
        key, signature = self._lease.key, self._sign()
        assert candidate_root(self._engine, key, [MESSAGE], signature) == key.root
        return rate(lambda: candidate_root(self._engine, key, [MESSAGE], signature), duration)

    def close(self) -> None:
        """See Library."""

    def _sign(self) -> bytes:
        lease, leaf = self._lease, next(self._leaves)
        digest = message_digest(
            lease.key.ots, lease.key.identifier, leaf, lease.randomizer(leaf), MESSAGE
        )
        [chains] = self._engine.sign(lease.key.ots, [lease.job(leaf, digest)])
        return lease.assemble(leaf_page(lease, leaf, self._table), leaf, chains)


class Pyhsslms:
    """pyhsslms, plain Python, one thread."""

    name, cores, signs, caveat = "pyhsslms", 1, True, ""

    def keygen(self, h: int, w: int) -> float:
        """See Library."""
        tree, ots = (u32(each.typecode) for each in sets(h, w))
        made: list[pyhsslms.LmsPrivateKey] = []
        took = once(lambda: made.append(pyhsslms.LmsPrivateKey(tree, ots)))
        [self._key] = made
        return took

    def sign(self, duration: float) -> float:
        """See Library."""
        return rate(lambda: self._key.sign(MESSAGE), duration)

    def verify(self, duration: float) -> float:
        """See Library."""
        public, signature = self._key.publicKey(), self._key.sign(MESSAGE)
        assert public.verify(MESSAGE, signature)
        return rate(lambda: public.verify(MESSAGE, signature), duration)

    def close(self) -> None:
        """See Library."""


class Hsslms:
    """hsslms, plain Python, which makes keys in processes."""

    caveat = ""

    def __init__(self, cores: int) -> None:
        self.name, self.cores, self.signs = (
            "hsslms" if cores == 1 else f"hsslms, {cores} processes",
            cores,
            cores == 1,
        )

    def keygen(self, h: int, w: int) -> float:
        """See Library."""
        tree, ots = sets(h, w)
        kinds = hsslms.LMS_ALGORITHM_TYPE(tree.typecode), hsslms.LMOTS_ALGORITHM_TYPE(ots.typecode)
        made: list[hsslms.LMS_Priv] = []
        took = once(lambda: made.append(hsslms.LMS_Priv(*kinds, self.cores)))
        [self._key] = made
        return took

    def sign(self, duration: float) -> float:
        """See Library."""
        return rate(lambda: self._key.sign(MESSAGE), duration)

    def verify(self, duration: float) -> float:
        """See Library."""
        public, signature = self._key.gen_pub(), self._key.sign(MESSAGE)
        return rate(lambda: public.verify(MESSAGE, signature), duration)  # raises when it is wrong

    def close(self) -> None:
        """See Library."""


def ours() -> list[Library]:
    """One thread first, then all cores, then the portable engine; only the last where there is no
    other.
    """
    if engines.select().name == "portable":
        return [Ours("seemachine, portable engine", PortableEngine(), 1)]
    every = [Ours(f"seemachine, {CORES} threads", engines.select(), CORES)] if CORES > 1 else []
    return [
        Ours("seemachine", one_thread(), 1),
        *every,
        Ours("seemachine, portable engine", PortableEngine(), 1),
    ]


def plain_python() -> list[Library]:
    """Those of PyPI, pyhsslms last."""
    return [*(Hsslms(cores) for cores in sorted({1, CORES})), Pyhsslms()]

"""The two kinds of chance that a machine may have."""

from collections.abc import Callable
from itertools import count
from typing import Protocol

from seemachine.chance import seeding
from seemachine.chance.derivation import derived
from seemachine.chance.generations import Generations
from seemachine.chance.mark import MARK, is_marked
from seemachine.chance.seed_file import SeedFile
from seemachine.world import World

RandomBytes = Callable[[int], bytes]
# What is counted.
LMS, MLDSA = "lms", "mldsa"
IDENTIFIER, SEED = "identifier", "seed"


class Chance(Protocol):
    """What is secret of new keys, and what else a machine draws that outlives it.

    Raises StateError where a seeded world can't be sure to make another key than before.
    """

    @property
    def seed(self) -> str:
        """Of the world; empty in a real one."""

    def lms_key(self, label: str) -> RandomBytes:
        """What draws one key: first its identifier, then its seeds."""

    def mldsa_key(self, parameters: str, size: int) -> bytes:
        """The seed of a key of a parameter set."""

    def randomizer(self, size: int) -> bytes:
        """Of a signature of ML-DSA (FIPS 204 3.4)."""


class RealChance:
    """See Chance. What it draws never has the mark of seeded worlds."""

    seed = ""

    def __init__(self, random: RandomBytes) -> None:
        self._random = random

    def lms_key(self, label: str) -> RandomBytes:
        """See Chance."""
        del label
        return self._unmarked

    def mldsa_key(self, parameters: str, size: int) -> bytes:
        """See Chance."""
        del parameters
        return self._random(size)

    def randomizer(self, size: int) -> bytes:
        """See Chance."""
        return self._random(size)

    def _unmarked(self, size: int) -> bytes:
        while is_marked(made := self._random(size)):
            pass
        return made


class _LmsKey:
    """What draws one key of a seeded world. Draws the same nowhere else in that world."""

    def __init__(self, chance: "SeededChance", label: str) -> None:
        self._chance, self._label = chance, label
        self._number, self._seeds = 0, count()

    def __call__(self, size: int) -> bytes:
        """First the identifier: before that, the key is counted, durably."""
        if not self._number:
            self._number = self._chance.next_number(LMS, self._label)
            return MARK + self._derived(size - len(MARK), IDENTIFIER)
        return self._derived(size, SEED, next(self._seeds))

    def _derived(self, size: int, *names: str | int) -> bytes:
        return self._chance.derived(size, LMS, self._label, self._number, *names)


class SeededChance:
    """See Chance. Of one machine of a seeded world."""

    def __init__(self, world: World, seed_file: SeedFile, esn: str) -> None:
        self._file, self._esn = seed_file, esn
        self._made = Generations(world, seed_file, esn)

    @property
    def world_id(self) -> bytes:
        """Tells this world from others of the same seed."""
        return self._file.world

    @property
    def seed(self) -> str:
        """See Chance."""
        return self._file.seed

    def lms_key(self, label: str) -> RandomBytes:
        """See Chance. The key is counted when it is drawn, so one that is never begun is none."""
        return _LmsKey(self, label)

    def mldsa_key(self, parameters: str, size: int) -> bytes:
        """See Chance."""
        return self.derived(size, MLDSA, parameters, self.next_number(MLDSA, parameters))

    def randomizer(self, size: int) -> bytes:
        """See Chance. Zeros: the deterministic variant, so that a signature depends on no other."""
        return bytes(size)

    def next_number(self, what: str, label: str) -> int:
        """Which of these is made now; durable, and never given again."""
        return self._made.next_number(what, label)

    def derived(self, size: int, *names: str | int) -> bytes:
        """What the seed makes for this machine under some names."""
        return derived(size, self.seed, self._esn, *names)


def of_machine(world: World, esn: str, seed: str = "") -> SeededChance | None:
    """That of a machine of a seeded world; None in a real one. A world that holds nothing gets the
    seed, if one is named. Raises as `seeding.settle`.
    """
    found = seeding.settle(world, seed)
    return None if found is None else SeededChance(world, found, esn)

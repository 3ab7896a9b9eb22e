"""Keys that are in no machine yet, or in one alone, and bytes that look random and come again."""

import hashlib
import os
from collections.abc import Callable
from itertools import count
from typing import Any

from seemachine.commands.leases import to_store
from seemachine.lms import engines
from seemachine.lms.generation import Generation
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import Machine
from seemachine.testing.lms_words import LmsSets

ESN, OTHER_ESN = "7852-268D-3BF9", "5F08-02E0-D947"
# The parameter sets that are made and signed with in the least time: 32 leaves.
QUICK: LmsSets = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w2"}


def repeatable(label: str) -> Callable[[int], bytes]:
    """A source of random-looking bytes that is the same in every run and differs at every call."""
    calls = count()
    return lambda size: hashlib.shake_256(f"{label} {next(calls)}".encode()).digest(size)


def make_key(
    tree: str = "sha256_m32_h5",
    ots: str = "sha256_n32_w4",
    expcards: int = 0,
    explease: int = 0,
    expcache: int = 0,
    random: Callable[[int], bytes] = os.urandom,
) -> Generation:
    """A key whose generation is finished, in no machine yet."""
    parameters, engine = lms(tree), engines.select()
    plan = Sectors(parameters.h, expcards, explease)
    made = Generation(parameters, lmots(ots), plan, parameters.h, expcache, random)
    while made.remaining:
        made.step(engine, lambda: False)
    return made


def install_key(machine: Machine, **choice: Any) -> PublicKey:
    """A new key whose first lease is in the machine's NVRAM. `choice` is that of `make_key`."""
    made = make_key(**choice)
    machine.store.install(to_store(made.lease(0)))
    return made.public_key

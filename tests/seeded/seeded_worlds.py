"""Worlds with a seed, and what docs/explanation/determinism.md publishes of the seed 7."""

import hashlib
import re
from pathlib import Path
from typing import Any

from seemachine.chance.chances import of_machine
from seemachine.testing import ESN, QUICK, Rig
from seemachine.world import World

SEED = "7"
MESSAGE = b"firmware"
PAGE = (Path(__file__).parents[2] / "docs/explanation/determinism.md").read_text()


def published() -> dict[str, list[str]]:
    """What is published, by what it is of."""
    table = PAGE.partition("| of | value |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\S.*?) \| (`.+`) \|$", table, flags=re.MULTILINE)
    return {of: re.findall(r"`(.+?)`", value) for of, value in rows}


def short(data: bytes) -> str:
    """Of a long value."""
    return hashlib.sha256(data).hexdigest()


def seeded_rig(folder: Path, *esns: str, seed: str = SEED, **settings: Any) -> Rig:
    """Machines of a seeded world."""
    rig = Rig(folder)
    for esn in esns or (ESN,):
        rig.start(esn, seeded=of_machine(World.at(folder), esn, seed), **settings)
    return rig


def made(rig: Rig, alias: str = "release", **choice: Any) -> bytes:
    """The public key of a new key, in the place of one of that alias."""
    with rig.fleet() as fleet:
        if fleet.roster.keys.has(alias):
            fleet.roster.keys.remove(alias)
        public_key: bytes = fleet.generate_lms(alias, replace=True, **QUICK, **choice).public_key
    return public_key

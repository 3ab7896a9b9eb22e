"""Helpers that are killed in the middle; `make bridge-kills` has a thousand of them."""

import random
from pathlib import Path

from bridge import kills
from bridge.native import compiled
from kit.processes import RunningMachine


def test_no_leaf_is_taken_twice_or_lost_when_helpers_are_killed(
    machine: RunningMachine, tmp_path: Path
) -> None:
    """Each signature that the host was given is of a leaf of its own, and the machine's ledger has
    those leaves and no other.
    """
    program = compiled(tmp_path / "host", sources=[kills.PROGRAM])
    outcome = kills.run(machine, program, 8, random.Random(13))
    assert outcome.kills == 8
    assert (outcome.wrong, outcome.refused) == ([], [])
    assert outcome.leaves == outcome.signatures > 8

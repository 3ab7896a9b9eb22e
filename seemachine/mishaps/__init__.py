"""Where injected faults of a machine's state happen: slots, NVRAM, half-made keys, witness and
clock of a machine that was started for that.

Each is the real one with a question before, or in the middle of, what can fail: does a fault happen
here? What then fails raises the very error of the real trouble, at the very step, so that whoever
asked sees the same status and words, and the order of steps that guards every leaf is the same.

Without an injector none of these is made.
"""

from seemachine.mishaps.checkpoints import FaultyCheckpoints
from seemachine.mishaps.clock import moved
from seemachine.mishaps.nvram import restarted
from seemachine.mishaps.opening import open_faulty_witness, open_nvram
from seemachine.mishaps.slots import FaultySlots
from seemachine.mishaps.witness import FaultyFolderWitness

__all__ = [
    "FaultyCheckpoints",
    "FaultyFolderWitness",
    "FaultySlots",
    "moved",
    "open_faulty_witness",
    "open_nvram",
    "restarted",
]

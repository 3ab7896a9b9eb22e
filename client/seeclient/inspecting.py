"""Looking at keys and machines: `showinfo` (guide 2.7.1 step 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from seeclient import algorithms
from seeclient.effects import Roster, Story
from seeclient.keys import KeyFile
from seemachine.wire.messages import Slot
from seemachine.wire.status import StatusError


@dataclass(frozen=True, slots=True)
class MachineView:
    """One machine as a key sees it: its cards; an algorithm may add more."""

    esn: str
    model: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key and the reachable machines; an algorithm may add what they hold of it."""

    key: KeyFile
    machines: Sequence[MachineView]

    def without_thresholds(self) -> Self:
        """The same for who knows of none."""
        return self

    @property
    def doubts(self) -> list[StatusError]:
        """What of it is in quarantine, and where."""
        return []


def info(roster: Roster, key: KeyFile) -> Story[KeyInfo]:
    """Ask every machine."""
    return (yield from algorithms.of(key).info(roster, key))

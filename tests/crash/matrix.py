"""The crash matrix: every point of a recording, every state of the disk there, what the product
makes of it, and the verdict.
"""

import hashlib
import random
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crash.disk import Disk, Image, State
from crash.host import Leaf, Places
from crash.operations import Mark, Operation
from crash.trial import Outcome, try_out
from kit.stores import quick_folder

FAULTS = ("reused", "doubled", "unknown", "lost", "refused", "broken", "counted back")
# After a kill nobody was told how the command under way ended, and a power cut may take back what
# the next process found of it.
AFTER_A_KILL = ("reused", "doubled", "refused", "broken")


@dataclass(frozen=True)
class Handed:
    """A mark: the signature of a message with this leaf was on its way to a client."""

    leaf: Leaf
    message: bytes


@dataclass(frozen=True)
class Still:
    """A mark: no command is under way; leaves are where `places` says, and counters stand so."""

    places: Places
    counters: dict[str, int]
    after: str = "the beginning"


@dataclass(frozen=True)
class Recording:
    """What a scenario did to a disk. The log begins and ends with a Still."""

    scenario: str
    store: str
    esns: tuple[str, ...]
    base: Image
    log: tuple[Operation, ...]
    faults: tuple[str, ...] = FAULTS
    # How long ledgers are kept; 0: for ever.
    days: int = 0


@dataclass
class Point:
    """The crash after `number` operations, between what was so before the command under way and
    what is so after it.
    """

    number: int
    before: Still
    after: Still
    handed: dict[Leaf, bytes]
    # Leaves that went out for two messages, without any crash here.
    twice: tuple[Leaf, ...] = ()

    @property
    def required(self) -> set[Leaf]:
        """Leaves that the command under way has no business with, and must not lose.

        A move may lose what it moves.
        """
        return {
            leaf
            for leaf, places in self.before.places.items()
            if self.after.places.get(leaf) == places
        }

    @property
    def possible(self) -> set[Leaf]:
        """All leaves that there can be."""
        return self.before.places.keys() | self.after.places.keys()


def points(recording: Recording) -> Iterator[tuple[Point, Disk]]:
    """Every place where the log can end, with the disk as it is followed there."""
    disk, handed, twice = Disk(recording.base), {}, []
    stills = iter(
        [
            operation.what
            for operation in recording.log
            if isinstance(operation, Mark) and isinstance(operation.what, Still)
        ]
    )
    before = after = next(stills)
    for number, operation in enumerate(recording.log):
        disk.apply(operation)
        match operation:
            case Mark(Still() as still):
                before, after = still, next(stills, still)
            case Mark(Handed() as mark):
                # The same message again is the same signature.
                twice += [mark.leaf] if handed.get(mark.leaf, mark.message) != mark.message else []
                handed[mark.leaf] = mark.message
        yield Point(number, before, after, dict(handed), tuple(twice)), disk


@dataclass
class Tally:
    """The sums of a matrix. `faults` are sentences; there should be none."""

    scenario: str
    store: str
    points: int = 0
    states: int = 0
    disks: int = 0
    handed: int = 0
    copies: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count another one in."""
        for figure in ("points", "states", "disks", "handed", "copies"):
            setattr(self, figure, getattr(self, figure) + getattr(other, figure))
        self.counts += other.counts
        self.faults += [f"{other.scenario}, {other.store}: {fault}" for fault in other.faults]


def run(
    recording: Recording, seed: int = 0, share: float = 1.0, until: Collection[str] = ()
) -> Tally:
    """Try every state of every point, or a seeded share of them, or until the first of some faults.

    A disk that was tried is not tried again, only judged again.
    """
    tally, outcomes = Tally(recording.scenario, recording.store), {}
    chance = random.Random(seed)
    with quick_folder() as folder:
        for point, disk in points(recording):
            tally.points += 1
            tally.handed = len(point.handed)
            for state in disk.states(chance, share):
                tally.states += 1
                key = digest(state.image)
                if key not in outcomes:
                    outcomes[key] = tried(state.image, recording, folder)
                _judge(tally, point, state, outcomes[key], recording.faults)
                if not tally.counts.keys().isdisjoint(until):
                    return tally
    tally.disks = len(outcomes)
    return tally


def digest(image: Image) -> bytes:
    """Which disk it is."""
    described = hashlib.sha256()
    for path, data in image.items():
        described.update(repr((path, data)).encode())
    return described.digest()


def tried(image: Image, recording: Recording, folder: Path) -> Outcome:
    """The outcome of one disk."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        write(image, Path(place))
        return try_out(Path(place), recording.store, recording.esns, recording.days)


def write(image: Image, folder: Path) -> None:
    """Make the disk real. Folders come before what is in them."""
    for path, data in image.items():
        if data is None:
            (folder / path).mkdir(mode=0o700)
        else:
            (folder / path).write_bytes(data)


def _judge(
    tally: Tally, point: Point, state: State, outcome: Outcome, faults: tuple[str, ...]
) -> None:
    found = {fault: what for fault, what in verdict(point, state, outcome) if fault in faults}
    tally.copies += bool(outcome.copies)
    for fault, what in found.items():
        tally.counts[fault] += 1
        tally.faults.append(
            f"{fault}: crash point {point.number}, after {point.before.after}, {state.kind}: {what}"
        )


def verdict(point: Point, state: State, outcome: Outcome) -> Iterable[tuple[str, object]]:
    """The faults of an outcome, each with what shows it."""
    given, lying = Counter(outcome.given), outcome.places
    there = given.keys() | lying.keys()
    # A card that a crash left in two folders is refused until somebody removes one. No journal of a
    # file system leaves it so.
    copies = set(outcome.copies) if state.twice else set()
    missing = [
        leaf
        for leaf in point.required - given.keys()
        if not copies.intersection(point.before.places[leaf])
    ]
    return [
        (fault, what)
        for fault, what in (
            ("reused", sorted(there & point.handed.keys()) + list(point.twice)),
            (
                "doubled",
                [leaf for leaf, count in given.items() if count > 1]
                + [leaf for leaf, at in lying.items() if len(at) > 1],
            ),
            ("unknown", sorted(there - point.possible - point.handed.keys())),
            ("lost", sorted(missing)),
            ("refused", outcome.refused + [card for card in outcome.copies if card not in copies]),
            ("broken", outcome.broken),
            (
                "counted back",
                [
                    name
                    for name, count in point.before.counters.items()
                    if not _counted_on(name, count, outcome)
                ],
            ),
        )
        if what
    ]


def _counted_on(name: str, count: int, outcome: Outcome) -> bool:
    """Every opening counts, insertions only when a card is put in.

    What could not be opened counts nothing.
    """
    found = outcome.counters.get(name)
    return found is None or (found > count if name.startswith("openings") else found >= count)

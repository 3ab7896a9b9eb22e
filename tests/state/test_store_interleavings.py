"""Two threads in one store: wherever the first is stopped, both together do what they would have
done one after the other.
"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kit.interleaving import Interleaving, TellingLock, everywhere, outcome
from kit.stores import KINDS, MEMORY, Kind, quick_folder
from state.operations import AWAITED, NOW, OPERATIONS, prepare, state_of

from seemachine.state.nvram import (
    arrivals,
    base,
    contents,
    decisions,
    file,
    ledger_copy,
    ledger_file,
    sqlite,
    volatile,
)
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.store import Retention
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.witness.protocol import Past

SHARED = (arrivals, base, contents, decisions)
LINES = {
    "memory": (*SHARED, volatile),
    "file": (*SHARED, file, ledger_copy, ledger_file),
    "sqlite": (*SHARED, sqlite),
}


class Template:
    """A store that was prepared once, and is opened anew for each interleaving."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind, self._folder, self._copies = kind, folder, 0
        if kind is not MEMORY:
            store = kind.open(folder / "template")
            prepare(store)
            store.close()

    def open(self, *, doubted: bool) -> MirroredStore:
        """Two days later, with a doubt about it or without."""
        if self._kind is MEMORY:
            store: MirroredStore = MemoryStore()
            prepare(store)
        else:
            self._copies += 1
            shutil.copytree(self._folder / "template", self._here)
            store = self._kind.open(self._here)
            row = next(row for _, row in store.ledger(0, 10) if row.token == AWAITED)
            store._awaited = {AWAITED: row}
        store._keep, store._clock = Retention(3600, ledger_days=1), lambda: NOW
        if doubted:
            store._write_past(Past(store.mark, (store.mark.epoch, store.mark.nonce), "earlier"))
            store.doubt = "earlier"
        return store

    def left(self, store: MirroredStore) -> tuple[object, ...]:
        """What a store has in memory after all, and what the next process finds on the disk."""
        remembered = state_of(store)
        store.close()
        if self._kind is MEMORY:
            return remembered
        again = self._kind.open(self._here)
        found = state_of(again)
        again.close()
        shutil.rmtree(self._here)
        return remembered, found

    @property
    def _here(self) -> Path:
        return self._folder / str(self._copies)


def both(
    template: Template, first: str, second: str, race: Interleaving | None = None
) -> tuple[object, ...] | None:
    """What both operations gave and left: one after the other, or interleaved.

    None when the first was over before.
    """
    store = template.open(doubted="end_doubt" in (first, second))
    calls = [
        partial(OPERATIONS[first], store, b"1".ljust(16)),
        partial(OPERATIONS[second], store, b"2".ljust(16)),
    ]
    if race is None:
        given: tuple[object, ...] | None = (outcome(calls[0]), outcome(calls[1]))
    else:
        store._lock = TellingLock(race)  # type: ignore[assignment]
        given = race.run(*calls)
    left = template.left(store)
    return None if given is None else (*given, left)


def in_turn(template: Template, first: str, second: str) -> list[tuple[object, ...] | None]:
    """The two right results: the first operation before the second, and after it."""
    store = template.open(doubted="end_doubt" in (first, second))
    later = outcome(lambda: OPERATIONS[second](store, b"2".ljust(16)))
    sooner = outcome(lambda: OPERATIONS[first](store, b"1".ljust(16)))
    return [(sooner, later, template.left(store)), both(template, first, second)]


# On disk each interleaving costs some milliseconds: there these are stopped, and all run meanwhile.
STOPPED = ("reserve", "bind", "install", "put back", "tidy", "ledger")
PAIRS = [
    pytest.param(kind, first, second, id=f"{kind.name}-{first}-{second}")
    for kind in KINDS
    for first in (STOPPED if kind.durable else OPERATIONS)
    for second in OPERATIONS
]


@pytest.fixture(scope="module")
def templates() -> Iterator[dict[str, Template]]:
    """Each kind of store, prepared."""
    with quick_folder() as folder:
        yield {kind.name: Template(kind, folder / kind.name) for kind in KINDS}


@pytest.mark.parametrize(("kind", "first", "second"), PAIRS)
def test_two_at_once(templates: dict[str, Template], kind: Kind, first: str, second: str) -> None:
    """Every two operations of every store, the first stopped at every line of it."""
    template = templates[kind.name]
    right = in_turn(template, first, second)
    for race in everywhere(*LINES[kind.name]):
        found = both(template, first, second, race)
        if found is None:
            break
        assert found in right, race.where

"""What a witness knows that may have been used, a store gives up when it is opened: durably, before
anyone gets a leaf, and the witness learns of it.
"""

from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, take
from kit.stores import Kind

from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.protocol import Past

STORES = {"sqlite": SqliteStore, "file": FileStore}


class Floor(NoWitness):
    """A witness that knows up to which leaf a file may have been used."""

    def __init__(self, leaf: int) -> None:
        self._leaf = leaf
        self.notes: list[tuple[bytes, int, int]] = []

    def floor(self, name: bytes, first: int) -> int:
        """That leaf."""
        del name, first
        return self._leaf

    def note(self, name: bytes, first: int, following: int) -> None:
        """Remember it."""
        self.notes.append((name, first, following))


def used(kind: Kind, folder: Path) -> None:
    """A store that has given away leaves 0 and 1 of 32."""
    store = kind.open(folder)
    store.install(lease())
    assert leaves(take(store, [name(), name()])) == [0, 1]
    store.close()


@pytest.mark.parametrize(
    ("floor", "following"), [(0, 2), (2, 2), (3, 3), (5, 5), (31, 31), (32, None), (40, None)]
)
def test_leaves_below_the_floor_are_given_up(
    durable_kind: Kind, tmp_path: Path, floor: int, following: int | None
) -> None:
    """For good: the next opening, without that witness, goes on at the same leaf."""
    used(durable_kind, tmp_path)
    STORES[durable_kind.name](tmp_path, Floor(floor)).close()

    store = durable_kind.open(tmp_path)
    file = store.get(name())
    assert (file and file.next) == following
    assert leaves(take(store, [name()])) == [following]
    store.close()


@pytest.mark.parametrize("floor", [5, 32])
def test_the_witness_learns_what_was_given_up(
    durable_kind: Kind, tmp_path: Path, floor: int
) -> None:
    """Also of a file that ends there, which has no note of its own any more."""
    used(durable_kind, tmp_path)
    witness = Floor(floor)
    store = STORES[durable_kind.name](tmp_path, witness)
    assert (name(), 0, floor) in witness.notes
    assert [line.partition(" of ")[0] for line in store.skipped] == [f"leaves 2 to {floor - 1}"]
    store.close()


def test_what_was_given_up_is_named(durable_kind: Kind, tmp_path: Path) -> None:
    """One leaf or several, each opening says which."""
    used(durable_kind, tmp_path)
    for floor, lost in ((3, "leaf 2 of"), (5, "leaves 3 to 4 of")):
        store = STORES[durable_kind.name](tmp_path, Floor(floor))
        [said] = store.skipped
        assert said.startswith(f"{lost} ")
        store.close()


def test_a_witness_that_is_new_learns_how_far_each_file_is(
    durable_kind: Kind, tmp_path: Path
) -> None:
    """At the opening: of a file that nothing is signed with it would hear no more."""
    used(durable_kind, tmp_path)
    witness = Floor(0)
    STORES[durable_kind.name](tmp_path, witness).close()
    assert witness.notes == [(name(), 0, 2)]


def test_a_file_in_quarantine_is_left_as_it_is(durable_kind: Kind, tmp_path: Path) -> None:
    """A person decides where it goes on."""
    used(durable_kind, tmp_path)
    store = durable_kind.open(tmp_path)
    store.quarantine(name(), "a copy")
    store.close()
    store = STORES[durable_kind.name](tmp_path, Floor(5))
    file = store.get(name())
    assert file is not None
    assert (file.next, file.quarantine) == (2, "a copy")
    store.close()


class Doubting(Floor):
    """One that takes the NVRAM for a copy, too."""

    def meet(self, past: Past, place: bytes) -> str:
        """It is one."""
        del past, place
        return "a copy"


def test_a_file_in_doubt_is_left_as_it_is(durable_kind: Kind, tmp_path: Path) -> None:
    """It comes into quarantine before floors are looked at: nothing of it is given up."""
    used(durable_kind, tmp_path)
    store = STORES[durable_kind.name](tmp_path, Doubting(5))
    file = store.get(name())
    assert file is not None
    assert (file.next, file.quarantine, store.skipped) == (2, "a copy", [])
    store.close()

"""The count of openings: one that nothing can count on from is damage, said in a sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit.leases import lease
from kit.stores import ESN

from seemachine.state.errors import StateCorrupt
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.protocol import MOST_OPENINGS, Mark, Past

DAMAGED = "the count of openings is damaged"
STORES = pytest.mark.parametrize("store", [SqliteStore, FileStore])
FAR = pytest.mark.parametrize("count", [MOST_OPENINGS, MOST_OPENINGS + 1, (1 << 63) - 1])
Kind = type[SqliteStore] | type[FileStore]


def forged(store: MirroredStore, count: int) -> Mark:
    """The last opening of a store with another count, as its checksum would let through."""
    mark = replace(store.mark)
    object.__setattr__(mark, "epoch", count)
    return mark


@STORES
@FAR
def test_an_nvram_that_was_opened_too_often_is_refused(
    tmp_path: Path, store: Kind, count: int
) -> None:
    """At each start, and by its path."""
    made = store(tmp_path)
    made.install(lease())
    made._write_past(Past(forged(made, count)))
    made.close()
    for _ in range(2):
        with pytest.raises(StateCorrupt, match=DAMAGED):
            store(tmp_path)


@STORES
@FAR
def test_a_witness_that_saw_too_many_is_refused(tmp_path: Path, store: Kind, count: int) -> None:
    """The opening that follows could not be written."""
    witness = FolderWitness(tmp_path / "witness", ESN)
    made = store(tmp_path / "machine", witness)
    witness.advance(forged(made, count), "")
    made.close()
    with pytest.raises(StateCorrupt, match=DAMAGED):
        store(tmp_path / "machine", FolderWitness(tmp_path / "witness", ESN))


@pytest.mark.parametrize("count", [-1, MOST_OPENINGS + 1])
def test_no_opening_has_such_a_count(count: int) -> None:
    """Nor does one come from anywhere else, such as a database. Those between them may."""
    with pytest.raises(StateCorrupt, match=DAMAGED):
        Mark(bytes(16), count, bytes(8))
    assert [Mark(bytes(16), each, bytes(8)).epoch for each in (0, MOST_OPENINGS)] == [
        0,
        MOST_OPENINGS,
    ]


@pytest.mark.parametrize(
    "parts",
    [
        (bytes(15), 1, bytes(8)),
        (bytes(17), 1, bytes(8)),
        (bytes(16), 1, bytes(7)),
        (bytes(16), 1, bytes(9)),
        ("a" * 16, 1, bytes(8)),
        (bytes(16), "1", bytes(8)),
        (bytes(16), 1, "n" * 8),
        (bytes(16), 1, bytes(8), "place"),
    ],
    ids=range(8),
)
def test_what_is_no_opening(parts: tuple[Any, ...]) -> None:
    """Two NVRAMs that are named by less than a name could be taken for one."""
    with pytest.raises(StateCorrupt, match=r"^invalid record of an opening$"):
        Mark(*parts)


def test_the_most_openings_are_more_than_any_machine_has() -> None:
    """Started a thousand times a second for a million years, it can still count on."""
    assert 1000 * 86_400 * 366 * 10**6 < MOST_OPENINGS < (1 << 63) - 1

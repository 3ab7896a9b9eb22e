"""Each flush of a name, at its place; what must not stay, and how an error of the disk
is called.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from kit.leases import lease, name, take
from kit.stores import ESN

from seemachine.state.cards import rack as rack_module
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram import database as database_module
from seemachine.state.nvram import file as file_module
from seemachine.state.nvram import sqlite as sqlite_module
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.ledger import LedgerRow, message_bound
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.records import NvramFile, SpentLease
from seemachine.state.witness import record_file
from seemachine.state.witness.record_file import WitnessFile
from seemachine.state.witness.record_layout import SUPERSEDED

SLOT = 2


def flushes(
    patch: pytest.MonkeyPatch, module: ModuleType, seen: Callable[[], object]
) -> list[tuple[str, object]]:
    """The folders that a module flushes from here on, each with what was to be seen then."""
    found: list[tuple[str, object]] = []
    patch.setattr(module, "flush_folder", lambda path: found.append((path.name, seen())))
    return found


def test_a_moved_card_is_on_the_disk(
    rack: Rack, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it came to, then where it was: between the two a crash leaves it in both places or in
    the new one, never in neither.
    """
    rack.new()

    def seen() -> bool:
        return slots.occupant(SLOT) is not None

    found = flushes(monkeypatch, rack_module, seen)
    rack.insert("card1", ESN, SLOT)
    assert found == [(str(SLOT), True), ("cards", True)]
    found.clear()
    rack.remove(ESN, SLOT)
    assert found == [("cards", False), (str(SLOT), False)]


def test_a_new_record_of_a_witness_is_whole_before_it_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flushed first, a power cut would leave an empty file under the name of the record."""
    seen: list[bytes] = []
    file = WitnessFile(tmp_path / "record", b"boot")
    flush = record_file.flush

    def look(descriptor: int) -> None:
        seen.append(os.pread(descriptor, 1 << 20, 0))
        flush(descriptor)

    monkeypatch.setattr(record_file, "flush", look)
    file.renew({"opening": b"first"})
    file.close()
    assert seen[0] == (tmp_path / "record").read_bytes() != b""


def test_a_superseded_record_is_so_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the name of the new one, lest a power cut leave none; and for good, so that what still
    has it by a hard link says that an older one came back.
    """
    seen: list[object] = []
    file = WitnessFile(tmp_path / "record", b"boot")
    os.link(tmp_path / "record", tmp_path / "linked")
    monkeypatch.setattr(
        record_file, "flush", lambda descriptor: seen.append(os.pread(descriptor, 1 << 20, 0))
    )
    monkeypatch.setattr(record_file, "flush_folder", seen.append)
    file.renew({"opening": b"first"})
    file.close()
    assert seen == [(tmp_path / "record").read_bytes(), tmp_path, SUPERSEDED]
    assert (tmp_path / "linked").read_bytes() == SUPERSEDED


def test_a_new_database_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is flushed after it has it; a name that is there may be of a process that was killed
    before that.
    """
    folder = tmp_path / "machine"
    found = flushes(monkeypatch, database_module, (folder / "nvram.db").exists)
    settled: list[tuple[object, ...]] = []
    monkeypatch.setattr(sqlite_module, "settle", lambda *what: settled.append(what))
    SqliteStore(folder).close()
    assert (found, settled) == ([("machine", True)], [])
    SqliteStore(folder).close()
    assert settled == [(folder, "nvram.db-wal")]


def test_the_ledger_knows_of_a_lease_that_is_used_up_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the two loses leaves; the ledger names each of them."""
    store = FileStore(tmp_path)
    store.install(lease(end=1))
    rows: list[int] = []
    replace_file = file_module.replace_file

    def look(path: Path, data: bytes) -> None:
        if path.suffix == file_module.SPENT_SUFFIX:
            rows.append((tmp_path / "nvram" / "ledger").stat().st_size)
        replace_file(path, data)

    monkeypatch.setattr(file_module, "replace_file", look)
    take(store, [name()])
    store.close()
    assert len(rows) == 1
    assert rows[0] > 0


def test_what_destroys_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one change: the ledger, what is kept of used-up leases, the files, and only then what is
    forgotten; each may be all that a crash leaves.
    """
    store = FileStore(tmp_path)
    for key in (1, 2, 3):
        store.install(lease(key))
    written: list[str] = []

    def noted(what: str) -> Callable[..., None]:
        return lambda *_: written.append(what)

    monkeypatch.setattr(
        file_module, "replace_file", lambda path, _data: written.append(f"write {path.suffix}")
    )
    monkeypatch.setattr(
        file_module, "remove_file", lambda path: written.append(f"remove {path.suffix}")
    )
    monkeypatch.setattr(store._ledger, "append", noted("append to the ledger"))
    monkeypatch.setattr(store._ledger, "prune", noted("prune the ledger"))
    row = LedgerRow(name(), 0, bytes(16), message_bound(b"m"), "", 0)
    store._write(
        Changes(
            files={name(1): NvramFile(lease(1), 1), name(2): None},
            spent=[SpentLease(lease(2), 0)],
            rows=[row],
            forgotten=[SpentLease(lease(3), 0)],
            ledger_before=1,
        )
    )
    assert written == [
        "append to the ledger",
        "write .spent",
        "write .nvram",
        "remove .nvram",
        "remove .spent",
        "prune the ledger",
    ]


def test_no_scratch_file_of_a_discarded_key_stays(tmp_path: Path) -> None:
    """A process that was killed while it wrote a head left one with seeds in it."""
    checkpoints = FolderCheckpoints(tmp_path / "hsm" / ESN)
    checkpoints.create("big", {"seeds": [b"s" * 24]})
    folder = tmp_path / "hsm" / ESN / "making"
    for kind in ("key", "rows"):
        (folder / f".big.{kind}.new").write_bytes(b"s" * 24)
    checkpoints.discard("big")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, StateFailed), (errno.ENOSPC, DiskFull)])
def test_a_disk_that_fails_at_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StateFailed]
) -> None:
    """Is a failure of the store, with the folder in the sentence; and so is one at an
    installation.
    """
    store = FileStore(tmp_path)

    def fail(*_given: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(file_module, "replace_file", fail)
        with pytest.raises(StateFailed, match=os.strerror(number)) as refused:
            store.install(lease())
        assert type(refused.value) is kind
    store.close()
    monkeypatch.setattr(file_module, "settle", fail)
    with pytest.raises(StateFailed, match=f"nvram: {os.strerror(number)}") as refused:
        FileStore(tmp_path)
    assert type(refused.value) is kind

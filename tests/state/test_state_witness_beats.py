"""What witnesses do besides: beats, a copy beside its original, NVRAMs that share a host."""

import errno
import os
from pathlib import Path

import pytest
from kit.leases import name
from kit.stores import ESN

from seemachine.state.errors import LeaseSpent, StateFailed, StateLocked
from seemachine.state.nvram.file import FileStore
from seemachine.state.witness import folder as folder_module
from seemachine.state.witness import record_file, runtime
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.protocol import Mark, Past
from seemachine.state.witness.runtime import RuntimeWitness

IDENTITY, OTHER_IDENTITY = b"i" * 16, b"j" * 16
BOOT = b"one boot"


def mark(epoch: int, identity: bytes = IDENTITY) -> Mark:
    """An opening."""
    return Mark(identity, epoch, b"%08d" % epoch, b"\1" * 16)


def past(epoch: int, identity: bytes = IDENTITY) -> Past:
    """What an NVRAM says after so many openings."""
    return Past(mark(epoch, identity), (max(0, epoch - 1), b"%08d" % max(0, epoch - 1)))


def up(folder: Path, identity: bytes = IDENTITY, epoch: int = 0) -> tuple[RuntimeWitness, str]:
    """The witness of a host at an opening, and what it has against it."""
    witness = RuntimeWitness(folder, BOOT)
    doubt = witness.meet(past(epoch, identity), b"")
    witness.advance(mark(epoch + 1, identity), doubt)
    return witness, doubt


def test_a_beat_of_a_folder(tmp_path: Path) -> None:
    """After a note it makes the record another file, so that one that was saved before is not the
    newest; with nothing new it leaves it alone.
    """
    witness, record = FolderWitness(tmp_path, ESN, BOOT), tmp_path / f"{ESN}.record"
    witness.advance(mark(1), "")
    files = []
    for following in (None, 3, None):
        if following is not None:
            witness.note(name(), 0, following)
        assert witness.beat() == ""
        files.append(record.stat().st_ino)
    witness.release()

    assert files[0] != files[1] == files[2]


def test_a_beat_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told; the machine hears it with the file's name."""
    witness = FolderWitness(tmp_path, ESN, BOOT)
    witness.advance(mark(1), "")
    witness.note(name(), 0, 3)

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "record")

    with monkeypatch.context() as patch:
        patch.setattr(witness._file, "renew_if_changed", full)
        with pytest.raises(
            StateFailed, match=r"^the witness could not be written: record: No space"
        ):
            witness.beat()
    witness.release()


def test_a_beat_of_a_host(tmp_path: Path) -> None:
    """The same on the host: its record is another file after a note."""
    witness, _ = up(tmp_path)
    record = tmp_path / f"{IDENTITY.hex()}.record"
    before = record.stat().st_ino
    witness.note(name(), 0, 3)
    witness.beat()

    assert record.stat().st_ino != before
    witness.release()


def test_no_beat_after_the_end(tmp_path: Path) -> None:
    """A store that was closed asks its witness nothing more."""
    witness = FolderWitness(tmp_path / "witness", ESN, BOOT)
    store = FileStore(tmp_path / "machine", witness)
    store.close()

    def asked() -> str:
        raise AssertionError

    witness.beat = asked  # type: ignore[method-assign]
    assert store.beat() == ""


def test_each_nvram_has_its_own(tmp_path: Path) -> None:
    """Two NVRAMs of a host are in use at once, and neither knows the other's leaves."""
    one, no_doubt = up(tmp_path)
    other, still_none = up(tmp_path, OTHER_IDENTITY)
    one.note(name(), 0, 3)

    assert (no_doubt, still_none) == ("", "")
    assert (one.noted(name()), other.noted(name())) == ({0: 3}, {})
    one.release()
    other.release()
    for identity in (IDENTITY, OTHER_IDENTITY):
        assert {path.suffix for path in tmp_path.glob(f"{identity.hex()}.*")} == {
            ".record",
            ".tips",
        }


def test_a_copy_of_a_running_world(tmp_path: Path) -> None:
    """It says truly which opening came last, but that one is still in use: it is a copy."""
    original, _ = up(tmp_path)
    _, doubt = up(tmp_path, epoch=1)

    assert "another process on this host has an NVRAM of this identity open" in doubt
    original.release()


def test_a_copy_keeps_no_notes(tmp_path: Path) -> None:
    """In doubt it lets go of the record, which its original needs, and notes nothing anywhere."""
    original, _ = up(tmp_path)
    original.release()
    copy, doubt = up(tmp_path, epoch=0)
    copy.note(name(), 0, 9)

    assert "it was put back, or copied" in doubt
    assert copy.noted(name()) == {}
    copy.beat()
    copy.release()


def test_claims_are_kept(tmp_path: Path) -> None:
    """A lease that came in stays claimed, however many come after it, in this opening and later."""
    witness, _ = up(tmp_path)
    leases = [(8, 16), (0, 8), (24, 32), (16, 24)]
    for first, end in leases:
        witness.claim(name(), first, end)
    witness.release()
    witness, _ = up(tmp_path, epoch=1)
    witness.claim(name(), 32, 40)

    for first, end in (*leases, (32, 40)):
        assert witness.is_spent(name(), first, end)
        with pytest.raises(LeaseSpent):
            witness.claim(name(), first, end)
    witness.release()


def test_an_orderly_end_of_a_host(tmp_path: Path) -> None:
    """The record is another file then than any that was saved while the machine ran."""
    witness, _ = up(tmp_path)
    record = tmp_path / f"{IDENTITY.hex()}.record"
    before = record.stat().st_ino
    witness.release()

    assert record.stat().st_ino != before


def test_openings_become_fewer(tmp_path: Path) -> None:
    """Copies in doubt are remembered beside the original; once nobody doubts they are not, and what
    was longer before is read as what it is now.
    """
    sizes = []
    for epoch, doubtful in ((0, False), (0, True), (0, True), (1, False), (2, False)):
        witness, doubt = up(tmp_path, epoch=epoch)
        assert bool(doubt) is doubtful
        witness.release()
        sizes.append((tmp_path / f"{IDENTITY.hex()}.tips").stat().st_size)

    assert sizes[2] > sizes[0]


def test_a_shorter_text(tmp_path: Path) -> None:
    """Nothing is left of a longer one."""
    path = tmp_path / "tips"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    many = [(number, b"%08d" % number) for number in range(9)]
    for tips in (many, many[:1]):
        runtime._rewrite(descriptor, tips)
        assert runtime._tips(descriptor) == tips
    os.close(descriptor)


def test_a_record_that_could_not_be_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next beat tries again."""
    witness, record = FolderWitness(tmp_path, ESN, BOOT), tmp_path / f"{ESN}.record"
    witness.advance(mark(1), "")
    witness.note(name(), 0, 3)
    before = record.stat().st_ino

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(record_file, "write_all", full)
        with pytest.raises(StateFailed):
            witness.beat()
    assert record.stat().st_ino == before
    witness.beat()
    assert record.stat().st_ino != before
    witness.release()


def test_a_folder_from_its_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is no empty file, which would count as lost, and names in its folder are flushed:
    an NVRAM refers to it from now on.
    """
    flushed: list[Path] = []
    monkeypatch.setattr(folder_module, "settle", flushed.append)
    witness = FolderWitness(tmp_path, ESN, BOOT)

    assert (tmp_path / f"{ESN}.record").stat().st_size
    assert flushed == [tmp_path]
    witness.release()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space"), StateLocked("replaced")])
def test_an_end_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """What can't be written at the end keeps nobody from ending; the record is free."""
    witness = FolderWitness(tmp_path, ESN, BOOT)
    witness.advance(mark(1), "")

    def fail(_head: object) -> None:
        raise error

    monkeypatch.setattr(witness._file, "renew", fail)
    witness.release()
    FolderWitness(tmp_path, ESN, BOOT).release()

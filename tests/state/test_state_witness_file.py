"""The file of a witness: which file it is, what it was told, and every way in which an earlier one
can be put back.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from kit.leases import name

from seemachine.state.errors import StateCorrupt, StateLocked
from seemachine.state.witness import record_file
from seemachine.state.witness.record_file import WitnessFile
from seemachine.state.witness.record_layout import HEAD_BYTES, SLOT

BOOT, OTHER_BOOT = b"one boot", b"another"
HEAD = {"opening": b"first"}


@pytest.fixture
def path(tmp_path):
    """Where it lies."""
    return tmp_path / "esn.record"


@pytest.fixture
def file(path):
    """A file with a head, open."""
    made = WitnessFile(path, BOOT)
    made.renew(HEAD)
    yield made
    made.close()


def descriptors():
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def reopened(path, boot=BOOT):
    """What the next process finds: its fault, head, and the notes of three keys."""
    found = WitnessFile(path, boot)
    try:
        return found.fault, found.head, [found.noted(name(key)) for key in (1, 2, 3)]
    finally:
        found.close()


class TestInOrder:
    """Nothing was put back."""

    def test_a_new_file(self, path):
        """It knows nothing, and has nothing against that."""
        assert reopened(path) == ("", {}, [{}, {}, {}])

    @pytest.mark.parametrize("boot", [BOOT, OTHER_BOOT])
    @pytest.mark.parametrize("renewed", [True, False])
    def test_what_was_told_is_found_again(self, file, path, boot, renewed):
        """Head and notes, flushed or later, after an end in order or none."""
        file.note(name(1), 0, 3)
        if renewed:
            file.renew({"opening": b"second"})
        file.note(name(2), 8, 9)
        file.note(name(1), 0, 5)
        file.close()

        assert reopened(path, boot) == (
            "",
            {"opening": b"second" if renewed else b"first"},
            [{0: 5}, {8: 9}, {}],
        )

    def test_a_note_is_never_lowered(self, file, path):
        """A lower leaf for the same lease changes nothing, now and later."""
        file.note(name(1), 0, 9)
        file.note(name(1), 0, 3)
        assert file.noted(name(1)) == {0: 9}
        file.close()

        assert reopened(path)[2][0] == {0: 9}

    def test_what_is_noted_while_it_is_renewed(self, file, path, monkeypatch):
        """A note that comes between the writing of the new file and its taking the name
        is in it.
        """
        flush = record_file.flush

        def note_meanwhile(descriptor):
            flush(descriptor)
            file.note(name(1), 0, 7)

        file.note(name(1), 0, 3)
        monkeypatch.setattr(record_file, "flush", note_meanwhile)
        file.renew(HEAD)
        file.close()

        assert reopened(path) == ("", HEAD, [{0: 7}, {}, {}])

    def test_renewed_only_if_changed(self, file, path):
        """Without a note since, the file stays the same one; with one, it is another."""
        first = path.stat().st_ino, path.stat().st_ctime_ns
        file.renew_if_changed()
        assert (path.stat().st_ino, path.stat().st_ctime_ns) == first
        file.note(name(1), 0, 1)
        file.renew_if_changed()

        assert (path.stat().st_ino, path.stat().st_ctime_ns) != first

    def test_one_holder(self, file, path):
        """While it is open nobody else gets it, also after it was renewed; then the
        next one does.
        """
        for _ in range(2):
            with pytest.raises(StateLocked, match="held by another process"):
                WitnessFile(path, BOOT)
            file.renew(HEAD)
        file.close()
        WitnessFile(path, BOOT).close()

    @pytest.mark.usefixtures("file")
    def test_who_is_refused_has_nothing_open(self, path):
        """However often it looked whether its holder is still there."""
        before = descriptors()
        with pytest.raises(StateLocked, match="held by another process"):
            WitnessFile(path, BOOT)
        assert descriptors() == before

    def test_closed(self, file, path):
        """After the end nothing is written any more: whoever holds it then is undisturbed."""
        file.note(name(1), 0, 1)
        file.close()
        before = path.read_bytes()
        file.renew_if_changed()

        assert path.read_bytes() == before
        assert reopened(path)[0] == ""


def overwrite(kept, path):
    """`cat kept > path`."""
    path.write_bytes(kept.read_bytes())


def extract(kept, path):
    """Tar and rsync: a new file of the old content takes the name."""
    scratch = path.with_name("scratch")
    shutil.copy2(kept, scratch)
    scratch.replace(path)


def copy_over(kept, path):
    """`cp -a`: into the file that is there."""
    subprocess.run(["cp", "-a", str(kept), str(path)], check=True)


PUT_BACK = "is not the one that was written last"


class TestPutBack:
    """An earlier file, or what was in it, comes back."""

    @pytest.mark.parametrize("way", [overwrite, extract, copy_over])
    def test_a_copy(self, file, path, tmp_path, way):
        """Made before the file was renewed, it is told from the file that was written last,
        whatever way it comes.
        """
        shutil.copy2(path, tmp_path / "kept")
        file.note(name(1), 0, 4)
        file.renew(HEAD)
        file.close()
        way(tmp_path / "kept", path)

        assert PUT_BACK in reopened(path)[0]

    @pytest.mark.parametrize("way", [extract])
    def test_a_copy_of_the_very_file(self, file, path, tmp_path, way):
        """As a new file it is told from the original even when nothing was written in between."""
        file.close()
        shutil.copy2(path, tmp_path / "kept")
        way(tmp_path / "kept", path)

        assert PUT_BACK in reopened(path)[0]

    def test_a_hard_link(self, file, path, tmp_path):
        """The old file itself, kept under another name, was superseded when the new one took its
        name.
        """
        os.link(path, tmp_path / "kept")
        file.renew(HEAD)
        file.close()
        (tmp_path / "kept").replace(path)

        assert "superseded" in reopened(path)[0]

    def test_put_back_while_it_is_held(self, file, path, tmp_path):
        """Its holder notices, refuses to go on, and leaves what was put back to be noticed at the
        next start.
        """
        shutil.copy2(path, tmp_path / "kept")
        file.note(name(1), 0, 1)
        extract(tmp_path / "kept", path)
        with pytest.raises(StateLocked, match="replaced or deleted while the machine ran"):
            file.renew_if_changed()
        file.close()

        assert PUT_BACK in reopened(path)[0]

    def test_a_renewal_that_is_refused_leaves_nothing_open(self, file, path, tmp_path):
        """Nor a scratch file: a machine may try as often as it beats."""
        shutil.copy2(path, tmp_path / "kept")
        extract(tmp_path / "kept", path)
        before = descriptors()
        for _ in range(3):
            with pytest.raises(StateLocked, match="replaced or deleted while the machine ran"):
                file.renew(HEAD)

        assert descriptors() == before
        assert sorted(path.parent.iterdir()) == sorted([path, tmp_path / "kept"])

    def test_renewed_it_is_good_again(self, file, path, tmp_path):
        """Once its user knows, and writes it anew, the fault is over."""
        shutil.copy2(path, tmp_path / "kept")
        file.close()
        extract(tmp_path / "kept", path)
        again = WitnessFile(path, BOOT)
        assert again.fault
        again.renew(HEAD)
        again.close()

        assert reopened(path)[0] == ""

    def test_on_another_file_system(self, file, path, monkeypatch):
        """An overlay shows the same inode, but it is another kind of file system."""
        file.close()
        monkeypatch.setattr(record_file, "filesystem_of", lambda _path: b"overlay ")

        assert "another kind of file system" in reopened(path)[0]


class TestDamage:
    """Bytes that are not as they were written."""

    @pytest.fixture
    def data(self, file, path):
        """A file with a flushed note of key 1 and later notes of keys 2 and 3, closed."""
        file.note(name(1), 0, 7)
        file.renew(HEAD)
        for key in (2, 3):
            file.note(name(key), 0, 7)
        file.close()
        return path.read_bytes()

    @pytest.mark.parametrize("key", [1, 2, 3])
    def test_every_byte_of_a_note(self, path, data, key):
        """While the host is up nothing tears a note: each damaged byte of each is a fault."""
        start = HEAD_BYTES + (key - 1) * SLOT.size
        for at in range(start, start + SLOT.size):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            fault, _, notes = reopened(path)
            assert "damaged or missing" in fault
            assert notes[key - 1] == {}

    def test_after_a_loss_of_power(self, path, data):
        """A later note may be torn then, and counts as none; a flushed one was flushed, and may
        not.
        """
        for key, doubtful in ((1, True), (2, False), (3, False)):
            at = HEAD_BYTES + (key - 1) * SLOT.size
            path.write_bytes(data[:at] + b"\0" * SLOT.size + data[at + SLOT.size :])
            fault, _, notes = reopened(path, OTHER_BOOT)
            assert bool(fault) is doubtful
            assert [bool(note) for note in notes] == [each != key for each in (1, 2, 3)]

    def test_new_notes_go_where_no_torn_one_is(self, path, data):
        """A note after a torn one is found again."""
        end = HEAD_BYTES + 3 * SLOT.size
        path.write_bytes(data[: end - 1] + b"\0" + data[end:])
        again = WitnessFile(path, OTHER_BOOT)
        again.note(name(3), 0, 8)
        again.close()

        assert reopened(path, b"third")[2] == [{0: 7}, {0: 7}, {0: 8}]

    def test_cut_anywhere(self, path, data):
        """A file that is cut is a fault, or can't be read; never is there less than there was,
        without a word.
        """
        for size in [
            *range(1, HEAD_BYTES, 13),
            *range(HEAD_BYTES, HEAD_BYTES + 4 * SLOT.size),
            len(data) - 1,
        ]:
            path.write_bytes(data[:size])
            try:
                fault, _, _ = reopened(path)
            except StateCorrupt:
                assert size < HEAD_BYTES
            else:
                assert fault

    def test_every_byte_of_the_head(self, path, data):
        """A head that is damaged can't be read; padding means nothing."""
        for at in range(0, HEAD_BYTES, 3):
            if data[at] == 0 and not any(data[at:HEAD_BYTES]):
                break
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises(StateCorrupt):
                reopened(path)


class TestFullDisk:
    """No room for a new file, or for a note."""

    def test_the_old_file_stays(self, file, path, monkeypatch):
        """A renewal that fails leaves the file as it was, and the next one takes along what it
        would have.
        """
        file.note(name(1), 0, 2)

        def full(*_arguments):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(record_file, "write_all", full)
            with pytest.raises(OSError, match="No space"):
                file.renew_if_changed()
        assert list(path.parent.iterdir()) == [path]
        file.renew_if_changed()
        file.close()

        assert reopened(path) == ("", HEAD, [{0: 2}, {}, {}])

    def test_what_counts_is_in_memory(self, file, monkeypatch):
        """The head of before where no new file took the name, the new one where it did, though
        nobody knows whether that is on the disk: the next renewal writes it again.
        """

        def full(*_arguments):
            raise OSError(28, "No space left on device")

        for step, counts in (("write_all", b"first"), ("flush_folder", b"second")):
            with monkeypatch.context() as patch:
                patch.setattr(record_file, step, full)
                with pytest.raises(OSError, match="No space"):
                    file.renew({"opening": b"second"})
            assert file.head == {"opening": counts}

    def test_a_fault_stays_until_a_new_file_counts(self, file, path, tmp_path, monkeypatch):
        """A renewal that fails ends no doubt."""
        shutil.copy2(path, tmp_path / "kept")
        file.close()
        extract(tmp_path / "kept", path)
        again = WitnessFile(path, BOOT)

        def full(*_arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(record_file, "write_all", full)
        with pytest.raises(OSError, match="No space"):
            again.renew(HEAD)
        assert PUT_BACK in again.fault
        again.close()

    def test_a_note_that_was_not_written(self, file, path, monkeypatch):
        """Its place is taken by the next one: no hole is left that would read as damage."""

        def full(*_arguments):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(record_file.os, "pwrite", full)
            file.note(name(1), 0, 2)
        file.note(name(2), 0, 3)
        file.close()

        assert reopened(path) == ("", HEAD, [{}, {0: 3}, {}])

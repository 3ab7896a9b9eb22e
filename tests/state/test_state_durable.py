"""durable.py: a file is the old one or the new one, on the disk when the call returns."""

import contextlib
import errno
import os
import stat
from itertools import count
from pathlib import Path

import pytest
from kit.faults import Fault, FaultyOs

from seemachine.state.disk import durable
from seemachine.state.disk.durable import (
    flush_folder,
    no_room,
    private_folder,
    remove_file,
    replace_file,
)


def test_what_was_written_earlier_is_flushed_and_closed(tmp_path, monkeypatch):
    """By its own descriptor, of which nothing stays open."""
    (tmp_path / "file").write_bytes(b"written")
    flushed = []
    monkeypatch.setattr(durable, "flush", lambda descriptor: flushed.append(os.fstat(descriptor)))
    before = len(list(Path("/proc/self/fd").iterdir()))
    durable.settle(tmp_path, "file")
    assert (tmp_path / "file").stat().st_ino in {found.st_ino for found in flushed}
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_written_leaves_nothing_open(tmp_path, monkeypatch):
    """Also where it could not be flushed."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        with contextlib.suppress(OSError):
            durable.write_end(tmp_path / "ledger", 0, b"written")
        with contextlib.suppress(OSError):
            replace_file(tmp_path / "file", b"written")
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        monkeypatch.setattr(durable, "flush", lambda _descriptor: (tmp_path / "none").stat())


class ObservedOs:
    """The `os` of the module under test, noting what is flushed and in which order.

    Writes at most `most` bytes at a time.
    """

    def __init__(self, most):
        self.seen, self._most, self.closed = [], most, None

    def __getattr__(self, attribute):
        return getattr(os, attribute)

    def write(self, descriptor, data):
        """Write a part, as the system may."""
        self.seen.append("write")
        return os.write(descriptor, data[: self._most])

    def access(self, path, mode):
        """Whether this user may write there: not in the closed folder, though root may."""
        return str(path) != self.closed and os.access(path, mode)

    def fsync(self, descriptor):
        """Note which file or folder was flushed."""
        self.seen.append(f"flush {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        os.fsync(descriptor)


@pytest.fixture
def observed(monkeypatch):
    """Notes of everything that the module does to the disk."""
    watching = ObservedOs(most=1 << 20)
    monkeypatch.setattr(durable, "os", watching)
    for change in ("replace", "unlink"):
        original = getattr(Path, change)

        def noted(path, *arguments, change=change, original=original, **named):
            watching.seen.append(f"{change} {path.name}")
            return original(path, *arguments, **named)

        monkeypatch.setattr(Path, change, noted)
    return watching


def test_replacing_flushes_in_order(tmp_path, observed):
    """The new bytes are on the disk before the name is, and the name before the call returns."""
    replace_file(tmp_path / "a", b"new")

    assert observed.seen == ["write", "flush .a.new", "replace .a.new", f"flush {tmp_path.name}"]


def test_removing_flushes_the_folder(tmp_path, observed):
    """The deletion is on the disk before the call returns, also when the file was gone already."""
    (tmp_path / "a").write_bytes(b"old")
    remove_file(tmp_path / "a")
    remove_file(tmp_path / "a")

    assert observed.seen == ["unlink a", f"flush {tmp_path.name}"] * 2
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("size", [0, 1, 2, 1000, 5000])
def test_short_writes_are_continued(tmp_path, monkeypatch, size):
    """A system that writes less than it was given is given the rest, so that the file is always
    whole.
    """
    data = os.urandom(size)
    monkeypatch.setattr(durable, "os", ObservedOs(most=999))
    replace_file(tmp_path / "a", data)

    assert (tmp_path / "a").read_bytes() == data


def test_a_failed_replacement_is_old_or_new(tmp_path, monkeypatch):
    """Wherever it fails the error comes out and the file is the whole old one, or the whole new one
    once the name was changed.
    """
    fault, found = Fault(), []
    monkeypatch.setattr(durable, "os", FaultyOs(fault))
    for place in count():
        (tmp_path / "a").write_bytes(b"old old old old")
        fault.arm(place, full=True)
        try:
            replace_file(tmp_path / "a", b"new")
        except OSError as error:
            assert error.errno == errno.ENOSPC
            found.append((tmp_path / "a").read_bytes())
        else:
            break

    assert found == [b"old old old old", b"old old old old", b"new"]
    assert (tmp_path / "a").read_bytes() == b"new"


def test_the_rest_of_an_attempt_is_no_obstacle(tmp_path):
    """What a crash left beside the file is overwritten, however long it was."""
    (tmp_path / ".a.new").write_bytes(b"half of something longer")
    replace_file(tmp_path / "a", b"new")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"new")]


def test_files_are_private(tmp_path):
    """A new file is for its owner only, whatever the one before it was."""
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o644)
    replace_file(tmp_path / "a", b"new")

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_folders_are_private_and_durable(tmp_path, observed):
    """Each folder that is made is for its owner only and flushed into its parent; one that is there
    is left alone.
    """
    private_folder(tmp_path).chmod(0o755)
    observed.seen.clear()
    made = private_folder(tmp_path / "a" / "b")

    assert made == tmp_path / "a" / "b"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, tmp_path / "a", made)] == [
        0o755,
        0o700,
        0o700,
    ]
    assert observed.seen == [f"flush {tmp_path.name}", "flush a"]
    private_folder(made)
    assert len(observed.seen) == 2


def test_a_folder_that_is_there_is_made_sure_of_once(tmp_path, observed):
    """Its maker may have been killed before the flush; who can't write beside it has no business
    there.
    """
    found, foreign = tmp_path / "a", tmp_path / "foreign" / "b"
    found.mkdir()
    foreign.mkdir(parents=True)
    observed.closed = str(foreign.parent)
    for _ in range(2):
        assert private_folder(found) == found
        assert private_folder(foreign) == foreign

    assert observed.seen == [f"flush {tmp_path.name}"]


def test_a_file_is_no_folder(tmp_path):
    """Where a file stands in the way of a folder there is an OSError, not a folder that is none."""
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(FileExistsError):
        private_folder(tmp_path / "a")
    with pytest.raises(NotADirectoryError):
        flush_folder(tmp_path / "a")


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, None]
)
def test_only_want_of_room_is_harmless(number):
    """A full disk, a quota and a size limit leave the disk in order; anything else may not."""
    assert no_room(OSError(number, "")) == (number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

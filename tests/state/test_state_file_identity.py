"""places.py: a handle stays with its file and goes to no other."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from seemachine.state.disk import file_identity
from seemachine.state.disk.file_identity import FIXED, handle_of, same_file

BIRTH, KERNEL = slice(8, 16), slice(16, None)


@pytest.fixture
def file(tmp_path):
    """A file whose handle is asked for."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    return path


@pytest.fixture(params=["all", "no handle", "no birth", "number alone"])
def told(request, monkeypatch):
    """What this system tells of a file: everything it knows, or less."""
    missing = {
        "all": (),
        "no handle": ("name_to_handle_at",),
        "no birth": ("statx",),
        "number alone": ("name_to_handle_at", "statx"),
    }
    known = file_identity._function
    monkeypatch.setattr(
        file_identity,
        "_function",
        lambda name: None if name in missing[request.param] else known(name),
    )
    return request.param


@pytest.mark.usefixtures("told")
class TestEverywhere:
    """What holds however little a system tells."""

    def test_a_file_is_itself(self, file):
        """Asked twice, also after writing to it and changing its mode, a file has one handle."""
        before = handle_of(file)
        file.write_bytes(b"another text")
        file.chmod(0o600)
        os.utime(file, (1, 1))

        assert handle_of(file) == before
        assert same_file(before, handle_of(file))

    def test_a_rename_keeps_it(self, file, tmp_path):
        """Under another name, in another folder, it is the same file."""
        before = handle_of(file)
        (tmp_path / "folder").mkdir()
        moved = file.rename(tmp_path / "folder" / "other")

        assert same_file(before, handle_of(moved))

    def test_hard_and_symbolic_links_are_the_file(self, file, tmp_path):
        """Both kinds of links lead to the same inode."""
        os.link(file, tmp_path / "hard")
        (tmp_path / "soft").symlink_to(file)

        assert handle_of(tmp_path / "hard") == handle_of(tmp_path / "soft") == handle_of(file)

    @pytest.mark.parametrize(
        "copy",
        [
            shutil.copy,
            shutil.copy2,
            lambda one, other: subprocess.run(["cp", "-a", one, other], check=True),
        ],
    )
    def test_a_copy_is_another(self, file, tmp_path, copy):
        """A copy, with or without times and modes, is not the file."""
        copy(file, tmp_path / "copy")

        assert not same_file(handle_of(file), handle_of(tmp_path / "copy"))

    def test_a_replaced_file_is_another(self, file, tmp_path):
        """What is renamed over it is not it."""
        before = handle_of(file)
        (tmp_path / "new").write_bytes(b"one")
        (tmp_path / "new").replace(file)

        assert not same_file(before, handle_of(file))

    def test_folders_have_handles(self, tmp_path):
        """A folder stays itself when things in it change, and its copy is another."""
        folder = tmp_path / "folder"
        folder.mkdir()
        before = handle_of(folder)
        (folder / "file").write_bytes(b"")
        shutil.copytree(folder, tmp_path / "copy")

        assert same_file(before, handle_of(folder.rename(tmp_path / "moved")))
        assert not same_file(before, handle_of(tmp_path / "copy"))

    def test_nothing_has_none(self, tmp_path):
        """What is not there is an OSError."""
        with pytest.raises(FileNotFoundError):
            handle_of(tmp_path / "nothing")


def restored(file: Path) -> bool:
    """Whether a file that is deleted and written anew in its place, over and over, is once taken
    for the first one.
    """
    first = handle_of(file)
    for _ in range(200):
        data = file.read_bytes()
        file.unlink()
        file.write_bytes(data)
        if same_file(first, handle_of(file)):
            return True
    return False


@pytest.mark.parametrize("lacking", ["nothing", "name_to_handle_at", "statx"])
def test_a_restored_file_is_another(file, lacking, monkeypatch):
    """A file that was deleted and restored in its place is not the one of before, even if the file
    system uses the inode again.
    """
    handle = handle_of(file)
    told = {"statx": handle[BIRTH], "name_to_handle_at": handle[KERNEL]}
    if not any(part.strip(b"\0") for name, part in told.items() if name != lacking):
        pytest.skip("this file system tells neither")
    known = file_identity._function
    monkeypatch.setattr(
        file_identity, "_function", lambda name: None if name == lacking else known(name)
    )

    assert not restored(file)


def tells_no_birth(_folder, _path, _flags, _wanted, answer):
    """A kernel that leaves something where the birth would be, and says that it is none."""
    answer[file_identity.STATX_BIRTH_AT] = b"\x01"
    return 0


@pytest.mark.parametrize("statx", [None, lambda *_arguments: -1, tells_no_birth])
def test_a_birth_that_nobody_tells_is_none(file, statx, monkeypatch):
    """Without statx, or where the kernel refuses it, the handle has 0 in its place."""
    known = file_identity._function
    monkeypatch.setattr(
        file_identity, "_function", lambda name: statx if name == "statx" else known(name)
    )
    assert FIXED.unpack_from(handle_of(file)) == (file.stat().st_ino, 0)


def test_an_inode_number_used_again_is_told_apart(file):
    """The very number of the first inode with another generation, or another birth, is another
    file.
    """
    handle = handle_of(file)
    number, born = FIXED.unpack_from(handle)

    assert not same_file(handle, FIXED.pack(number, born + 1) + handle[FIXED.size :])
    assert not same_file(handle[: FIXED.size] + b"a handle", handle[: FIXED.size] + b"another one")


def test_what_is_not_told_is_not_compared(file):
    """A handle from a system that told less is the same file's; the number is always compared."""
    handle = handle_of(file)
    number, born = FIXED.unpack_from(handle)

    for less in (
        handle[: FIXED.size],
        FIXED.pack(number, 0),
        FIXED.pack(number, 0) + handle[FIXED.size :],
    ):
        assert same_file(handle, less)
        assert same_file(less, handle)
    assert not same_file(handle, FIXED.pack(number + 1, born))


@pytest.mark.parametrize("stump", [b"", b"12345678"])
def test_a_stump_is_no_handle(file, stump):
    """Bytes that are too few are nobody's, not even each other's."""
    assert not same_file(stump, handle_of(file))
    assert not same_file(stump, stump)

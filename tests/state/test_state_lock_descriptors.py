"""What a lock of a folder leaves open: nothing, whatever it could not do."""

import errno
import os
from pathlib import Path

import pytest

from seemachine.state.disk import lock
from seemachine.state.disk.lock import LOCK, STOP, FolderLock, asking, holder, listens
from seemachine.state.errors import StateLocked


def descriptors() -> set[str]:
    """What this process holds open."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("file", [LOCK, STOP])
def test_a_file_that_can_not_be_opened(tmp_path: Path, file: str) -> None:
    """A folder lies in its place: it is named, and the folder is free again afterwards."""
    (tmp_path / file).mkdir()
    before = descriptors()
    with pytest.raises(IsADirectoryError) as refused:
        FolderLock(tmp_path, "this")

    assert descriptors() == before
    assert refused.value.filename == str(tmp_path / file)
    (tmp_path / file).rmdir()
    FolderLock(tmp_path, "this").release()


def test_a_folder_that_is_held(tmp_path: Path) -> None:
    """Who is refused has nothing of it open."""
    held = FolderLock(tmp_path, "this")
    before = descriptors()
    with pytest.raises(StateLocked):
        FolderLock(tmp_path, "this")

    assert descriptors() == before
    held.release()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can't say that it holds a folder does not hold it; the file is named."""

    class Full:
        """The `os` of its module, without room."""

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        @staticmethod
        def write(*_arguments: object) -> int:
            """Fail."""
            raise OSError(errno.ENOSPC, "No space left on device")

    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(lock, "os", Full())
        with pytest.raises(OSError, match="No space") as refused:
            FolderLock(tmp_path, "this")

    assert descriptors() == before
    assert refused.value.filename == str(tmp_path / LOCK)
    FolderLock(tmp_path, "this").release()


def test_who_looks_and_who_asks(tmp_path: Path) -> None:
    """Whoever looks who holds a folder, or asks the holder to let go, has nothing open then."""
    held = FolderLock(tmp_path, "this")
    before = descriptors()
    assert holder(tmp_path) == held.holder
    with asking(tmp_path):
        assert held.asked()
    assert not listens(tmp_path)

    assert descriptors() == before
    held.release()

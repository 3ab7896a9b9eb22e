"""A witness in a folder that can't be written, as where a service of systemd was not let."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.stores import ESN

from seemachine.state.errors import StateFailed
from seemachine.state.witness import folder as folder_module
from seemachine.state.witness.folder import FolderWitness

SENTENCE = "to this process its file system is read-only.*ReadWritePaths= in its unit"


@pytest.mark.parametrize("what", ["private_folder", "WitnessFile"])
def test_a_read_only_folder_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whether the folder is to be made or is there, the refusal says what lets the service write
    to it.
    """

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path))

    monkeypatch.setattr(folder_module, what, refuse)
    with pytest.raises(StateFailed, match=f"the witness in {tmp_path / 'w'} .*{SENTENCE}"):
        FolderWitness(tmp_path / "w", ESN)


def test_another_error_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is not taken for a read-only one."""

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(folder_module, "WitnessFile", refuse)
    with pytest.raises(OSError, match="No space left"):
        FolderWitness(tmp_path / "w", ESN)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that is mounted read-only. Skips where nothing can be mounted."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro", "none", folder], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("below", ["", "witness"])
def test_a_real_read_only_file_system(read_only: Path, below: str) -> None:
    """The kernel's own refusal is the one that is recognised."""
    with pytest.raises(StateFailed, match=SENTENCE):
        FolderWitness(read_only / below, ESN)

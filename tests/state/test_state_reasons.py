"""reason: what a person is told when something was refused, by us or by the system."""

import errno
import os
from pathlib import Path

import pytest

from seemachine.state.errors import StateCorrupt, reason


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StateCorrupt("card card1: no"), "card card1: no"),
        (OSError("the folder went away"), "the folder went away"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError(errno.EIO, "Input/output error", 7), "Input/output error"),
        (OSError(errno.EIO, "Input/output error", "/a/b"), "/a/b: Input/output error"),
        (OSError(errno.EIO, "Input/output error", b"/a/b"), "/a/b: Input/output error"),
    ],
    ids=repr,
)
def test_numbers_are_left_out(error: Exception, told: str) -> None:
    """The system's sentence, with the file if it names one."""
    assert reason(error) == told


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """The file that is in the way is named, not what was looked for in it."""
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "within"):
        with pytest.raises(OSError, match=r"\[Errno") as refused:
            path.mkdir()
        assert reason(refused.value) == f"{file} is not a folder"


def test_what_lies_in_the_way_is_gone(tmp_path: Path) -> None:
    """Then the system's sentence must do."""
    gone = FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(tmp_path / "gone"))

    assert reason(gone) == f"{tmp_path / 'gone'}: File exists"

"""What a machine holds open of its half-made keys: nothing between two calls."""

import errno
from pathlib import Path

import pytest
from kit.stores import ESN

from seemachine.state import checkpoints
from seemachine.state.checkpoints import FolderCheckpoints

HEAD = {"types": b"types", "seeds": [b"a", b"b"]}


def test_rows_leave_no_descriptor_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key has thousands of rows, more than a process may have descriptors; one that could not be
    flushed leaves none either.
    """
    kept = FolderCheckpoints(tmp_path / "hsm" / ESN)
    kept.create("one", HEAD)
    before = descriptors()

    kept.append("one", 0, b"row")
    monkeypatch.setattr(checkpoints, "flush", broken)
    with pytest.raises(OSError, match="flush"):
        kept.append("one", 1, b"row")

    assert descriptors() == before


def descriptors() -> set[str]:
    """What this process holds open."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def broken(_descriptor: int) -> None:
    """Instead of a flush."""
    raise OSError(errno.EIO, "the flush failed")

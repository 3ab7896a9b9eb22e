"""What a file that could not be written says, and leaves."""

import errno
from pathlib import Path

import pytest

from seemachine.state.disk import durable
from seemachine.state.disk.durable import replace_file


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (OSError(errno.EIO, "Input/output error", "/another/file"), "/another/file"),
    ],
)
def test_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, named: str | None
) -> None:
    """A flush does not say of which file it was, so this does; the old file stays, and nothing of
    the new one.
    """
    path = tmp_path / "file"
    replace_file(path, b"old")

    def fail(_descriptor: int) -> None:
        raise error

    monkeypatch.setattr(durable, "flush", fail)
    with pytest.raises(OSError, match=error.strerror) as refused:
        replace_file(path, b"new")

    assert refused.value.filename == (named or str(path))
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("file", ["", "file", "missing"])
def test_what_a_killed_process_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Its names are flushed, and what is in the file if there is one."""
    (tmp_path / "file").touch()
    flushed: list[object] = []
    monkeypatch.setattr(durable, "flush_folder", flushed.append)
    monkeypatch.setattr(durable, "flush", lambda _descriptor: flushed.append("content"))
    durable.settle(tmp_path, file)

    assert flushed == [tmp_path, *(["content"] if file == "file" else [])]

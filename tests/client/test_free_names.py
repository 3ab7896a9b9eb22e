"""files.py: a file that is written takes only a name that nothing has."""

import errno
from pathlib import Path

import pytest
from seeclient import files


@pytest.fixture(params=["links", "no links"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, also on a file system that gives a file one name."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no second names")

    if request.param == "no links":
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    return tmp_path


def test_a_free_name_is_taken(home: Path) -> None:
    """All of the file has it, and nothing is left beside it."""
    files.put(home / "a", b"new", 0o640, replace=False)
    assert (home / "a").read_bytes() == b"new"
    assert (home / "a").stat().st_mode & 0o777 == 0o640
    assert list(home.iterdir()) == [home / "a"]


@pytest.mark.parametrize("what", ["file", "dangling link"])
def test_what_has_the_name_stays(home: Path, what: str) -> None:
    """The refusal names it, and nothing is left beside it."""
    there = home / "a"
    there.write_bytes(b"old") if what == "file" else there.symlink_to("nowhere")
    with pytest.raises(FileExistsError) as refused:
        files.put(there, b"new", 0o640, replace=False)
    assert files.sentence(refused.value, there) == f"{there}: File exists"
    assert there.is_symlink() == (what == "dangling link")
    assert there.is_symlink() or there.read_bytes() == b"old"
    assert list(home.iterdir()) == [there]

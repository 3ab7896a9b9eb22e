"""memory_files.py: files that stay open, and still are what is at their path."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from seeclient import memory_files
from seeclient.memory_files import Lines

from seemachine.formats import Format

FORMAT = Format("lines")


def added(word: str, lines: Lines) -> Lines:
    """With a line more."""
    return [*lines, [word]]


def add(path: Path, word: str) -> None:
    """Add a line to a file."""
    memory_files.change(str(path), FORMAT, partial(added, word))


def words(path: Path) -> list[str]:
    """The lines of a file."""
    return [word for [word] in memory_files.change(str(path), FORMAT, list)]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A file with two lines."""
    made = tmp_path / "folder" / "file"
    add(made, "one")
    add(made, "two")
    yield made
    memory_files._close_all()


def replace(path: Path) -> None:
    """As editors do, and who restores from a backup."""
    other = path.with_name("other")
    other.write_text("old\n")
    other.replace(path)


def write_over(path: Path) -> None:
    """In place, by a text of the same length."""
    path.write_text("old\nkey\n")


def move_folder(path: Path) -> None:
    """Away, with all that is in it."""
    path.parent.rename(path.parent.with_name("moved"))


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "deleted": (Path.unlink, []),
    "replaced": (replace, ["old"]),
    "written over": (write_over, ["old", "key"]),
    "emptied": (partial(Path.write_bytes, data=b""), []),
    "folder moved away": (move_folder, []),
    "folder deleted": (lambda path: shutil.rmtree(path.parent), []),
}


@pytest.mark.parametrize(("happens", "left"), CHANGES.values(), ids=CHANGES)
def test_what_others_do_to_it_is_seen(
    path: Path, happens: Callable[[Path], object], left: list[str]
) -> None:
    """What is read, and added to, is what is at the path by then, whoever put it there."""
    happens(path)
    assert words(path) == left
    add(path, "three")
    assert path.read_text().split() == [*left, "three"]


@pytest.mark.parametrize("content", [None, b"", b"one\ntwo\n"])
def test_who_closes_all_descriptors_loses_nothing(
    path: Path, tmp_path: Path, content: bytes | None
) -> None:
    """As daemons do: it is opened anew, and the file that has its number by then is left alone."""
    number = memory_files._files[str(path)].descriptor
    os.close(number)
    other = tmp_path / "other"
    if content is not None:
        other.write_bytes(content)
        descriptor = os.open(other, os.O_RDWR)
        os.dup2(descriptor, number)
    add(path, "three")
    assert words(path) == ["one", "two", "three"]
    memory_files._close_all()
    if content is not None:
        assert other.read_bytes() == content
        for each in {descriptor, number}:
            os.close(each)


def test_another_file_of_that_name_is_no_infinite_wait(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that calls one file by two numbers it is refused, and no lock stays."""
    monkeypatch.setattr(memory_files, "_is_at", lambda *_: False)
    with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
        words(path)
    monkeypatch.undo()
    assert words(path) == ["one", "two"]


def test_a_second_look_opens_and_cuts_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature takes two looks; a line that grows is written over the old one."""
    for name in ("open", "ftruncate"):
        monkeypatch.setattr(os, name, pytest.fail)
    assert words(path) == ["one", "two"]
    add(path, "three")
    assert words(path) == ["one", "two", "three"]


def test_half_a_line_is_not_left(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle of a number would leave another number."""
    whole = os.pwrite

    def half(descriptor: int, data: bytes, offset: int) -> int:
        monkeypatch.undo()
        return whole(descriptor, data[: len(data) // 2], offset)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        memory_files.change(str(path), FORMAT, lambda _: [["a-long-word"], ["another"]])
    assert path.read_text() == "one\ntwo\n"
    assert words(path) == ["one", "two"]


def test_what_raises_changes_nothing(path: Path) -> None:
    """And the next one finds the file free."""
    with pytest.raises(ZeroDivisionError):
        memory_files.change(str(path), FORMAT, lambda _: [[str(1 // 0)]])
    assert words(path) == ["one", "two"]

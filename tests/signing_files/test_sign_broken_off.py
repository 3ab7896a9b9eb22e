"""Whatever breaks `seemachine sign` off, no file takes a second leaf."""

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from kit.typed import Command, Leaves, Run
from seeclient import files
from seeclient.folders.hold import hold
from signing_files.named_files import check, put

from seemachine.signing_files.places import FormedPlaces
from seemachine.testing import BlockingFleet


def test_all_is_on_the_disk_before_a_journal_ends(
    done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for all folders: a power cut leaves each signature, or what it was asked for with."""
    put("a", "d/b")
    journals: list[int] = []
    monkeypatch.setattr(os, "sync", lambda: journals.append(len([*Path().rglob("*.journal")])))
    assert "2 signed" in done("sign rel a d/b --yes")
    assert journals == [2]
    assert not [*Path().rglob("*.journal")]


def test_a_run_that_broke_off_is_gone_on_with(
    fleet: BlockingFleet,
    command: Command,
    done: Run,
    leaves: Leaves,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No second leaf, whoever signs what else into that folder meanwhile, and in whatever form."""
    put("a", "b", "c", "d/e")

    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FormedPlaces, "_put", broken)
        code, _, told = command("sign rel a b d/e --yes")
    assert (code, leaves()) == (130, 2)
    assert (
        "0 of 3 signed; what was asked for is kept; run the same command again to continue" in told
    )
    done("sign rel c")
    assert leaves() == 1
    done("sign rel a b d/e --format hss")
    assert leaves() == 1
    for name in ("a", "b", "c", "d/e"):
        check(fleet, Path(name), f"{name}.sig")
    assert not list(Path().rglob("*.journal"))


def test_a_killed_run_leaves_no_file_for_good(
    done: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it writes, or after, it leaves one, which the same command removes; others that
    look like it are somebody's.
    """
    put("a", "b", ".0123456789abcdef.new")
    left = [files.left_by(Path("a.sig")), files.left_by(Path("b.sig"))]
    with monkeypatch.context() as patch:
        # As a kill has it: nothing that would tidy up runs.
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        done("sign rel a")
    assert [each.exists() for each in left] == [True, False]
    left[1].write_bytes(b"half a signatu")
    done("sign rel a b")
    assert [each.exists() for each in left] == [False, False]
    assert leaves() == 2
    assert [str(each) for each in Path().glob(".*")] == [".0123456789abcdef.new"]


def test_a_link_in_the_way_is_not_followed(
    done: Run, refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a signature is written aside is known, and the folder may be anybody's."""
    put("a", "precious")
    aside = files.left_by(Path("a.sig"))
    aside.symlink_to("precious")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        assert "a.sig: File exists" in refused("sign rel a")
    done("sign rel a")
    assert (Path("precious").read_text(), leaves()) == ("precious", 1)
    assert not os.path.lexists(aside)


def test_two_at_once_wait_for_each_other(done: Run, refused: Run) -> None:
    """As those of `make -j`, in one folder; not for ever."""
    put("a")
    lock = hold(Path())
    told: list[str] = []
    waiting = threading.Thread(target=lambda: told.append(done("sign rel a")))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    os.close(lock)
    waiting.join(20)
    assert "a.sig: signed" in told[0]
    put("b")
    lock = hold(Path())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FormedPlaces, "patience", 0.0)
        assert "another command signs into" in refused("sign rel b")
    os.close(lock)


def test_what_is_changed_meanwhile_is_not_written(
    refused: Run, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a signature of what a file was, nor one of what a list does not state; and a file
    that somebody made there meanwhile stays.
    """
    put("a")
    taken = FormedPlaces.message

    def changed(self: FormedPlaces, name: str) -> bytes | Path:
        Path("a").write_bytes(Path("a").read_bytes() + b"!")
        return taken(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(FormedPlaces, "message", changed)
        assert "a was changed while it was signed" in refused("sign rel a")
    assert not Path("a.sig").exists()
    put("b")
    looked = FormedPlaces.make_way

    def made(self: FormedPlaces, *given: Any) -> None:
        looked(self, *given)
        Path("b.sig").write_text("precious")

    with monkeypatch.context() as patch:
        patch.setattr(FormedPlaces, "make_way", made)
        refused("sign rel b")
    assert Path("b.sig").read_text() == "precious"
    Path("b.sig").unlink()
    done("sign rel b")


def test_a_full_disk(
    done: Run, refused: Run, leaves: Leaves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed and could not be written is written the next time; no second leaf."""
    put("a")
    with monkeypatch.context() as patch:
        patch.setattr(files, "take_free_name", _full)
        told = refused("sign rel a")
    assert "a.sig: No space left on device; make room there" in told
    assert "what was asked for is kept; run the same command again to continue" in told
    assert leaves() == 1
    done("sign rel a")
    assert leaves() == 0


def _full(*_: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

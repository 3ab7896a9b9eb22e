"""folder.py: temporary folders, and what sweeps those whose owners were killed."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from seemachine.state.disk.lock import FolderLock
from seemachine.state.disk.world_key import world_key
from seemachine.temporary import folder
from seemachine.temporary.folder import KEPT, PREFIX, TemporaryFolder, made, made_to_stay, sweep


def abandoned(place: Path) -> Path:
    """What a killed owner leaves."""
    path = place / f"{PREFIX}of-a-killed-one"
    (path / "world" / "cards").mkdir(parents=True)
    return path


def test_a_folder_is_for_its_user_alone_and_outlives_a_sweep(tmp_path: Path) -> None:
    """Its owner has it; the world in it can be used."""
    held = TemporaryFolder(tmp_path)
    sweep(tmp_path)
    assert held.path.stat().st_mode & 0o777 == 0o700
    # Which locks the folder of the world for itself.
    assert world_key(held.world).identifier
    held.remove()
    held.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_owners_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """No folder of another name, no file, no link."""
    abandoned(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to("target")
    (tmp_path / f"{PREFIX}file").touch()
    kept = made_to_stay({"TMPDIR": str(tmp_path)}).path.name
    sweep(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"target", f"{PREFIX}link", f"{PREFIX}file", kept}
    assert kept.startswith(KEPT)


def test_a_world_in_which_something_runs_stays(tmp_path: Path) -> None:
    """Such as a fleet that somebody started there, and that outlived the owner."""
    path = abandoned(tmp_path)
    lock = FolderLock(path / "world" / "hsm" / "7852-268D-3BF9", "a machine")
    sweep(tmp_path)
    assert path.exists()
    lock.release()
    sweep(tmp_path)
    assert not path.exists()


def test_who_sweeps_may_be_faster_than_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed between its making and its lock, a folder is made again."""
    lock, swept = fcntl.flock, []

    def slow(descriptor: int, how: int) -> None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            monkeypatch.setattr(fcntl, "flock", lock)
            sweep(tmp_path)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    held = TemporaryFolder(tmp_path)
    assert held.path.exists()
    assert held.path not in swept


def test_memory_is_the_best_place_where_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else, or where it takes nothing, the folder is where temporary files of the user are."""
    memory, usual = tmp_path / "memory", tmp_path / "usual"
    memory.mkdir()
    usual.mkdir()
    monkeypatch.setattr(folder, "MEMORY", memory)
    environ = {"TMPDIR": str(usual)}
    assert made(environ).path.parent == memory
    monkeypatch.setattr(folder, "LEAST_ROOM", 1 << 80)
    assert made(environ).path.parent == usual
    monkeypatch.undo()
    monkeypatch.setattr(folder, "places", lambda _environ: [tmp_path / "gone", usual])
    assert made(environ).path.parent == usual


def test_a_folder_that_others_own_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a place that all users share."""
    path, us = abandoned(tmp_path), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    sweep(tmp_path)
    assert path.exists()


def test_a_place_that_is_swept_all_the_time_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody tries for ever."""

    def gone(path: Path) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr(folder, "_locked", gone)
    with pytest.raises(FileNotFoundError, match="somebody removes"):
        TemporaryFolder(tmp_path)

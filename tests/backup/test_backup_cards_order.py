"""The order in which a card leaves the rack for a backup."""

from pathlib import Path

import pytest
from backup.two_machines import TwoMachines
from kit.leases import lease

from seemachine.backup import lending


def test_off_the_rack_before_it_is_forgotten(
    world: TwoMachines, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its new name is on the disk, then the old one is gone from it, then the witness forgets it:
    between any two it is a card in one place.
    """
    world.card(lease(1, 0, 32))
    done: list[str] = []
    for name in ("flush_folder", "card_witness"):
        monkeypatch.setattr(lending, name, Told(name, getattr(lending, name), done))
    world.backup(file, "card1")

    assert done.index("cards") < done.index("forget card1")
    assert len(done[: done.index("cards")]) == 1


class Told:
    """Something that says when it is used."""

    def __init__(self, name: str, original: object, done: list[str]) -> None:
        self._name, self._original, self._done = name, original, done

    def __call__(self, folder: Path) -> None:
        """A flush of a folder."""
        self._done.append(folder.name)
        self._original(folder)  # type: ignore[operator]

    def forget(self, world: object, path: Path) -> None:
        """The witness is told."""
        self._done.append(f"forget {path.stem}")
        self._original.forget(world, path)  # type: ignore[attr-defined]

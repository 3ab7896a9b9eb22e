"""The order in which a card leaves the rack for a backup, and comes back."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from backup.two_machines import TwoMachines
from kit.leases import lease

from seemachine.backup import lending
from seemachine.state.errors import CardError, StateCopied


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


def test_each_flush_when_it_has_moved(world: TwoMachines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that it came to, then the rack, both with the card in its new place."""
    world.card(lease(1, 0, 32))
    flushed: list[tuple[str, list[str]]] = []

    def look(folder: Path) -> None:
        flushed.append((folder.name, [path.name for path in folder.glob("*.card")]))

    monkeypatch.setattr(lending, "flush_folder", look)
    lending.take_out(world.world, "a backup", ["card1"])
    assert flushed == [("a backup", ["card1.card"]), ("cards", [])]


def test_a_card_that_can_not_be_taken_leaves_no_folder(world: TwoMachines) -> None:
    """Whatever is in outgoing/ is of a backup that was begun."""
    world.card(lease(1, 0, 32))
    with pytest.raises(CardError, match="card9 is not on the rack"):
        lending.take_out(world.world, "a backup", ["card1", "card9"])
    assert not lending.outgoing(world.world).exists()


def test_noted_before_it_comes_back(
    world: TwoMachines, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted that it came, its ticket is gone, and then it is a card; what was left on its way
    out goes last. Wherever that breaks off, it does not come back twice.
    """
    world.card(lease(1, 0, 32))
    world.backup(file, "card1")
    done: list[str] = []
    for name in ("replace_file", "_drop", "write_card"):
        monkeypatch.setattr(lending, name, said(name, getattr(lending, name), done))
    world.down().restore(file)

    home = world.path / "witness"
    assert [line.partition(" ")[0] for line in done] == [
        "replace_file",
        "_drop",
        "write_card",
        "_drop",
    ]
    noted, ticket, _, left = [Path(line.partition(" ")[2]) for line in done]
    assert noted.is_relative_to(home / "restored")
    assert ticket.is_relative_to(home / "lent")
    assert left.is_relative_to(lending.outgoing(world.world))


def said(name: str, original: Callable[..., object], done: list[str]) -> Callable[..., None]:
    """A function that says when it is used, and on what."""

    def told(path: Path, *rest: object) -> None:
        done.append(f"{name} {path}")
        original(path, *rest)

    return told


def test_a_card_that_is_refused_leaves_nothing(
    world: TwoMachines, new_world: Callable[[], TwoMachines]
) -> None:
    """In a world that did not make the backup, not even a folder."""
    world.card(lease(1, 0, 32))
    taken = lending.take_out(world.world, "a backup", ["card1"])
    another = new_world()
    shutil.copy2(world.world.key_file, another.world.key_file)
    with pytest.raises(StateCopied, match="add --after-loss"):
        lending.bring_back(another.world, "a backup", "card1", taken["card1"])
    assert not (another.path / "witness" / "restored").exists()


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

"""Cards in backups: in one usable place at any time, whatever dies when."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from backup.dying import dies_at, every_step
from backup.two_machines import TwoMachines
from kit.leases import lease

from seemachine import world as worlds
from seemachine.backup import lending
from seemachine.state.cards.smartcard import read_card
from seemachine.state.errors import CardError, StateCopied, StateError, StateForeign

LEASES = (lease(1, 0, 32), lease(1, 32, 64))
Ways = Callable[[TwoMachines, Path], None]


def by_hand(world: TwoMachines, _file: Path) -> None:
    """Somebody puts the file back where it was."""
    for path in list(lending.outgoing(worlds.World.at(world.path)).glob("*/*.card")):
        path.rename(world.path / "cards" / path.name)


def from_outgoing(world: TwoMachines, _file: Path) -> None:
    """What an interrupted backup left comes back."""
    for folder in lending.leftovers(worlds.World.at(world.path)):
        world.restore(folder)


def from_file(world: TwoMachines, file: Path) -> None:
    """The backup comes back, if it came to be."""
    if file.exists():
        world.restore(file)


class TestTaking:
    """From the rack into a backup."""

    def test_a_card_moves(self, world: TwoMachines, file: Path) -> None:
        """Off the rack, into the backup, back with the same leases; nothing else is left of it in
        between.
        """
        world.card(*LEASES)
        manifest = world.backup(file, "card1")
        assert manifest.cards == ("card1",)
        assert [found.card for found in world.rack.listing()] == []
        assert not list(lending.outgoing(worlds.World.at(world.path)).glob("*"))
        [step] = [step for step in world.down().restore(file) if step.kind == "card"]
        assert (step.outcome, step.name) == ("restored", "card1")
        assert read_card(world.path / "cards" / "card1.card").leases == LEASES

    @pytest.mark.parametrize(
        "ways",
        [(from_file, from_outgoing), (from_outgoing, from_file)],
        ids=["file first", "outgoing first"],
    )
    def test_dying_at_any_step_leaves_one_card(
        self, new_world: Callable[[], TwoMachines], tmp_path: Path, ways: tuple[Ways, ...]
    ) -> None:
        """Whatever is tried afterwards, in whatever order, there is one card, no more
        and no less.
        """

        def act(at: int) -> bool:
            world, file = new_world(), tmp_path / f"{at}.tar"
            world.card(*LEASES)
            died = dies_at(at, lambda: world.backup(file, "card1"))
            assert (
                len(world.usable())
                + len(lending.leftovers(worlds.World.at(world.path)))
                + file.exists()
                >= 1
            )
            for way in ways * 2:
                way(world, file)
            assert len(world.usable()) == 1
            assert not lending.leftovers(worlds.World.at(world.path))
            return died

        assert every_step(act) > 20

    def test_putting_the_file_back_by_hand_makes_no_second_card(
        self, new_world: Callable[[], TwoMachines], tmp_path: Path
    ) -> None:
        """Not even between two steps: the file on the rack is refused as a copy by the time that
        there is a backup.
        """

        def act(at: int) -> bool:
            world, file = new_world(), tmp_path / f"{at}.tar"
            world.card(*LEASES)
            died = dies_at(at, lambda: world.backup(file, "card1"))
            by_hand(world, file)
            before = len(world.usable())
            from_file(world, file)
            assert len(world.usable()) <= 1
            assert before + file.exists() <= 1
            return died

        every_step(act)

    def test_what_can_not_be_taken(self, world: TwoMachines, file: Path) -> None:
        """A card in a slot, a blank one, one that is not there: nothing is written, and the others
        stay.
        """
        world.card(*LEASES)
        world.rack.new()
        for other in ("card2", "card9", "../cards/card1"):
            with pytest.raises(CardError):
                world.backup(file, "card1", other)
        assert world.usable() == ["card1"]
        assert not file.exists()

    def test_a_copy_is_not_taken(self, world: TwoMachines, file: Path) -> None:
        """Only an original can move."""
        world.card(*LEASES)
        path = world.path / "cards" / "card1.card"
        copy = path.read_bytes()
        path.unlink()
        path.write_bytes(copy)
        with pytest.raises(StateCopied):
            world.backup(file, "card1")

    def test_no_seed_is_in_it(self, world: TwoMachines, file: Path) -> None:
        """Neither of the card, nor of NVRAM, nor the key of the world."""
        world.card(*LEASES)
        world.store().install(lease(2))
        world.sign(lease(2).name)
        world.backup(file, "card1")
        data = file.read_bytes()
        assert b"card1" in data
        for seed in (*(each.seed for each in LEASES), lease(2).seed):
            assert seed[:8] not in data
            assert seed.hex()[:16].encode() not in data
        assert (world.path / "world.key").read_bytes() not in data
        assert file.stat().st_mode & 0o777 == 0o600

    def test_the_key_is_not_made_anew_while_a_card_is_away(
        self, world: TwoMachines, file: Path
    ) -> None:
        """A card in a backup needs the key of the world as much as one on the rack."""
        world.card(*LEASES)
        world.backup(file, "card1")
        (world.path / "world.key").unlink()
        with pytest.raises(StateForeign, match="missing"):
            world.card(lease(3), name="card3")


class TestComingBack:
    """From a backup to the rack."""

    def test_once(self, world: TwoMachines, file: Path) -> None:
        """A second time is refused, also when the card is gone again; all else of the backup comes
        back again.
        """
        world.card(*LEASES)
        world.backup(file, "card1")
        world.down().restore(file)
        (world.path / "cards" / "card1.card").unlink()
        steps = world.restore(file)
        assert [step.name for step in steps if step.refused] == ["card1"]
        assert "came back before" in steps[-1].sentence
        assert world.usable() == []

    def test_dying_at_any_step_never_makes_two(
        self, new_world: Callable[[], TwoMachines], tmp_path: Path
    ) -> None:
        """The card may be lost, but is never there twice."""

        def act(at: int) -> bool:
            world, file = new_world(), tmp_path / f"{at}.tar"
            world.card(*LEASES)
            world.backup(file, "card1")
            died = dies_at(at, lambda: world.restore(file))
            world.restore(file)
            cards = [path for path in world.path.rglob("*.card") if not path.name.startswith(".")]
            assert len(cards) <= 1
            assert len(world.usable()) == len(cards)
            return died

        assert every_step(act) > 20

    def test_another_name_where_its_own_is_taken(self, world: TwoMachines, file: Path) -> None:
        """Nothing is written over."""
        world.card(*LEASES)
        world.backup(file, "card1")
        assert world.rack.new() == ["card1"]
        steps = world.down().restore(file)
        assert steps[-1].name == "card2"
        assert world.usable() == ["card2"]
        assert read_card(world.path / "cards" / "card2.card").leases == LEASES

    def test_another_world(self, new_world: Callable[[], TwoMachines], file: Path) -> None:
        """A card of another world is refused with its sentence, all else comes back."""
        first = new_world().up()
        first.card(*LEASES)
        first.backup(file, "card1")
        second = new_world()
        steps = second.restore(file)
        assert "has no world.key" in steps[-1].sentence
        assert not (second.path / "world.key").exists()
        second.card(lease(5))
        steps = second.restore(file)
        assert steps[-1].refused
        assert "of the world" in steps[-1].sentence
        assert second.usable() == ["card1"]

    def test_a_copy_of_the_world(self, new_world: Callable[[], TwoMachines], file: Path) -> None:
        """With key, witness and all: the card could come back in the first one too."""
        first = new_world()
        first.card(*LEASES)
        first.backup(file, "card1")
        copy = new_world()
        shutil.copytree(first.path, copy.path, dirs_exist_ok=True)
        [refused] = [step for step in copy.restore(file) if step.refused]
        assert "--after-loss" in refused.sentence
        assert copy.usable() == []
        first.restore(file)
        assert first.usable() == ["card1"]

    def test_a_witness_that_was_put_back(
        self, new_world: Callable[[], TwoMachines], file: Path
    ) -> None:
        """Or what it knows of cards that came back was deleted: no card comes back again."""
        for away in ("witness", "witness/restored"):
            world = new_world()
            own = file.with_name(f"{away.replace('/', '-')}.tar")
            world.card(*LEASES)
            world.backup(own, "card1")
            shutil.copytree(world.path / "witness", world.path / "kept")
            world.restore(own)
            shutil.rmtree(world.path / away)
            if away == "witness":
                shutil.copytree(world.path / "kept", world.path / "witness")
            assert [step.name for step in world.restore(own) if step.refused] == ["card1"]

    def test_after_the_loss_of_the_world(
        self, new_world: Callable[[], TwoMachines], file: Path
    ) -> None:
        """With the key from its safe place, and for who says so, the card comes back once."""
        first = new_world()
        first.card(*LEASES)
        first.backup(file, "card1")
        second = new_world()
        shutil.copy(first.path / "world.key", second.path / "world.key")
        assert [step.name for step in second.restore(file) if step.refused] == ["card1"]
        assert not [step for step in second.restore(file, after_loss=True) if step.refused]
        assert second.usable() == ["card1"]
        assert [step.name for step in second.restore(file, after_loss=True) if step.refused] == [
            "card1"
        ]

    def test_only_folders_of_outgoing(self, world: TwoMachines) -> None:
        """Any other folder is refused: its cards would be copies."""
        world.card(*LEASES)
        with pytest.raises(StateError, match="interrupted"):
            world.restore(world.path / "cards")
        (lending.outgoing(worlds.World.at(world.path)) / "x").mkdir(parents=True)
        with pytest.raises(StateError, match="no card is left"):
            world.restore(lending.outgoing(worlds.World.at(world.path)) / "x")

"""What `seemachine card` says: lists that stay in columns, racks that are empty, what
is not a card.
"""

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from kit import processes

from seemachine.cli import card as card_command
from seemachine.cli.answer import Answer
from seemachine.cli.command import main
from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.world import World

ESN = "0000-0000-0001"


def card(world: Path, *words: str) -> processes.Ran:
    """Run `seemachine card`."""
    return processes.seemachine(["card", *words], processes.environment(world))


def document(world: Path, *words: str) -> dict[str, Any]:
    """What it prints with --json."""
    with patch.dict(os.environ, processes.environment(world)), io.StringIO() as out:
        with contextlib.redirect_stdout(out):
            assert main(["card", *words, "--json"]) == 0
        answered: dict[str, Any] = json.loads(out.getvalue())
    return answered


@pytest.mark.parametrize("made", [False, True])
def test_an_empty_rack_says_so_and_is_not_made(tmp_path: Path, made: bool) -> None:
    """Who lists cards in a world that has none is told how to make some, with and without a world;
    nothing is written.
    """
    world = tmp_path / "world"
    if made:
        world.mkdir()

    told = f"no cards in {world}; make some with: seemachine card new"
    assert card(world, "list") == (0, [f"seemachine card list: {told}"])
    answered = document(world, "list")
    assert (answered["cards"], answered["notes"]) == ([], [told])
    assert world.exists() == made
    assert not (world / "cards").exists()


def test_columns_hold_and_one_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The widest name makes the column; a single lease is not a plural."""
    found = [
        Whereabouts("card1", "lms", 1, "", -1),
        Whereabouts("testOCS-1", "operator", 0, ESN, 2),
        Whereabouts("card2", "blank", 0, "", -1),
    ]
    found.append(Whereabouts("a-very-long-name", "lms", 12, ESN, 0))

    card_command._print(found, Answer(as_json=False))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["card1", "lms", "1", "lease", "on", "the", "rack"]
    assert lines[3].split()[2:4] == ["12", "leases"]
    places = [
        line.index("on the rack") if "rack" in line else line.index("slot ") for line in lines
    ]
    kinds = [line.index(card.kind) for line, card in zip(lines, found, strict=True)]
    assert len(set(places)) == len(set(kinds)) == 1


def test_a_folder_with_the_name_of_a_card_is_none(tmp_path: Path) -> None:
    """On the rack and in a slot it is passed over, and can't be inserted."""
    Rack(World.at(tmp_path)).new(1)
    (tmp_path / "cards" / "dir.card").mkdir()
    (tmp_path / "hsm" / ESN / "slots" / "2" / "dir.card").mkdir(parents=True)

    assert [line.split()[0] for line in card(tmp_path, "list")[1]] == ["card1"]
    assert card(tmp_path, "insert", "dir", "--esn", ESN, "--slot", "1") == (
        1,
        ["seemachine card insert: there is no card dir; make one with: seemachine card new"],
    )
    assert card(tmp_path, "insert", "card1", "--esn", ESN, "--slot", "2") == (
        0,
        [f"card1 is in slot 2 of {ESN}"],
    )


def test_a_name_is_printed_without_its_escapes(tmp_path: Path) -> None:
    """What is typed is not let loose on the terminal."""
    code, lines = card(tmp_path, "insert", "\x1b[31mred", "--esn", ESN, "--slot", "2")
    assert code == 1
    assert "\x1b" not in "".join(lines)

    (tmp_path / "hsm" / ESN).mkdir(parents=True)
    assert card(tmp_path, "insert", "\x1b[31mred", "--esn", ESN, "--slot", "2") == (
        1,
        [
            "seemachine card insert: there is no card '\\x1b[31mred'; make one with: seemachine"
            " card new"
        ],
    )


def test_a_world_that_can_only_be_read_is_listed(tmp_path: Path, namespace: list[str]) -> None:
    """A look at the cards takes no right to write: on a read-only mount the list is the same."""
    Rack(World.at(tmp_path)).new(2)
    listed = card(tmp_path, "list")
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'

    assert len(listed[1]) == 2
    assert (
        processes.within(
            [*namespace, "sh", "-c", script, "sh", str(tmp_path)],
            ["card", "list"],
            processes.environment(tmp_path),
        )
        == listed
    )

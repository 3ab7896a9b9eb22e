"""What `seemachine fleet up` says of machines that stay down, and of NVRAM beside a store that
keeps nothing.
"""

from itertools import islice
from pathlib import Path

import pytest
from kit.in_process import Shell

from seemachine.cli import fleet_foreground
from seemachine.fleet import background, configuration, resting
from seemachine.process.identity import Process
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.lock import FolderLock
from seemachine.wire.entries import given_esns
from seemachine.world import World

FIRST, SECOND = "0000-0000-0001", "0000-0000-0002"
GIVEN = list(islice(given_esns(()), 5))
ONE = f'[[machines]]\nesn = "{FIRST}"\n'


def said(tmp_path: Path, text: str) -> list[str]:
    """What people should know of a fleet file of this text."""
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    return list(resting.sentences(configuration.read(path, World.at(tmp_path))))


def keeps(tmp_path: Path, esn: str, name: str = "nvram.db") -> Path:
    """The folder of a machine that was up once, with an NVRAM in it."""
    folder = private_folder(World.at(tmp_path).hsm(esn))
    (folder / name).touch()
    return folder


def test_who_was_up_and_stays_down_is_named(tmp_path: Path) -> None:
    """Wherever their ESNs came from, a count or [[machines]], and whichever store they have."""
    for esn, name in ((FIRST, "nvram.db"), (SECOND, "nvram"), (GIVEN[1], "nvram.db")):
        keeps(tmp_path, esn, name)
    stay = "stay down, with what is in their NVRAM"
    assert said(tmp_path, "count = 1\n") == [
        f"{FIRST}, {SECOND} and {GIVEN[1]} {stay}: neither [[machines]] nor count = 1 has them"
    ]
    assert said(tmp_path, ONE) == [f"{SECOND} and {GIVEN[1]} {stay}: no [[machines]] has them"]
    [line] = said(tmp_path, f'count = 3\n{ONE}[[machines]]\nesn = "{GIVEN[0]}"\n')
    assert line.startswith(f"{SECOND} stays down, with what is in its NVRAM: neither")


def test_many_are_counted(tmp_path: Path) -> None:
    """Three are named."""
    for esn in GIVEN:
        keeps(tmp_path, esn)
    [line] = said(tmp_path, ONE)
    assert line.startswith(f"{', '.join(sorted(GIVEN)[:3])} and 2 more stay down, ")


def test_who_keeps_nothing_is_not_named(tmp_path: Path) -> None:
    """An HSM that was never up, and one that runs without the fleet."""
    private_folder(World.at(tmp_path).hsm(SECOND))
    lock = FolderLock(keeps(tmp_path, GIVEN[0]), GIVEN[0])
    try:
        assert said(tmp_path, ONE) == []
    finally:
        lock.release()
    assert len(said(tmp_path, ONE)) == 1


def test_memory_beside_an_nvram_is_told_of(tmp_path: Path) -> None:
    """Keys of the other store can't sign, though their machine is up."""
    memory = 'store = "memory"\n'
    text = f'{ONE}{memory}[[machines]]\nesn = "{SECOND}"\n{memory}'
    assert said(tmp_path, text) == []
    keeps(tmp_path, FIRST)
    assert said(tmp_path, text) == [
        f'{FIRST} has store = "memory" beside NVRAM of another store, whose keys sign nothing'
        " meanwhile"
    ]
    keeps(tmp_path, SECOND, "nvram")
    assert said(tmp_path, text)[0].startswith(f"{FIRST} and {SECOND} have store")
    assert said(tmp_path, ONE + f'[[machines]]\nesn = "{SECOND}"\n') == []


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A world with machines that stay down, in which nothing is started."""
    (tmp_path / "fleet.toml").write_text(f'count = 1\n{ONE}[[machines]]\nesn = "{SECOND}"\n')
    keeps(tmp_path, GIVEN[0])
    monkeypatch.setattr(fleet_foreground, "run", lambda *_: 0)
    monkeypatch.setattr(background, "start", lambda *_: Failed())
    return Shell(tmp_path)


DOWN = [
    f"seemachine fleet up: {SECOND} stays down: count is 1",
    f"seemachine fleet up: {GIVEN[0]} stays down, with what is in its NVRAM: neither"
    " [[machines]] nor count = 1 has it",
]


class Failed:
    """A fleet in the background that did not come up."""

    supervisor = Process()

    def wait(self) -> bool:
        """It does not."""
        return False

    def stop(self) -> bool:
        """It does."""
        return True

    def log_lines(self) -> list[str]:
        """What was said before, and why it ended."""
        return [*DOWN, "why"]


def test_up_says_who_stays_down(shell: Shell) -> None:
    """By the file, and by what is in the world."""
    assert shell.seemachine("fleet", "up") == (0, DOWN)


def test_up_in_the_background_says_it_once(shell: Shell) -> None:
    """Where the fleet does not come up its log is shown, which says it again."""
    code, lines = shell.seemachine("fleet", "up", "--detach")
    assert (code, lines[:-1]) == (1, [*DOWN, "why"])
    assert lines[-1].startswith("seemachine fleet up: the fleet did not come up; its log is ")


def test_of_two_that_start_at_once_one_is_told_of_the_other(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the other is up before the supervisor of this one has looked; it is told once."""
    locks = []

    def lost(*_: object) -> Failed:
        locks.append(FolderLock(World.at(shell.home).fleet, "the fleet"))
        return Failed()

    monkeypatch.setattr(background, "start", lost)
    try:
        code, lines = shell.seemachine("fleet", "up", "--detach")
    finally:
        locks[0].release()
    assert (code, lines[:-1]) == (1, DOWN)
    assert "is already up" in lines[-1]


def test_a_fleet_that_is_up_is_said_to_be_up(shell: Shell) -> None:
    """And nothing else: who stays down concerns the one that would come up."""
    lock = FolderLock(World.at(shell.home).fleet, "the fleet")
    try:
        code, [line] = shell.seemachine("fleet", "up")
    finally:
        lock.release()
    assert code == 1
    assert "is already up" in line

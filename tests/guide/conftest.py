"""The world that a chapter of the guide is replayed in: real machines, cards and commands."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide.replay import Chapter
from kit import processes
from kit.processes import Ran, RunningMachine

from seemachine.state.cards.rack import Rack
from seemachine.world import World


class Laboratory:
    """Machines, cards and commands, as test_guide.py uses them.

    Acts return their exit code and the lines they printed.
    """

    def __init__(self, home: Path, machines: list[RunningMachine], *, vendor: bool) -> None:
        self._home = home
        self._machines = {machine.esn: machine for machine in machines}
        self._first = machines[0].esn
        self._rack = Rack(World.at(home))
        compat = {"PIPSQUEAK_COMPAT": "1.4.1"} if vendor else {}
        self._environment = processes.environment(home, **compat)

    def run_pipsqueak(self, argv: list[str], blank_cards: int = 0) -> Ran:
        """Run `pipsqueak`.

        With `blank_cards`, one is in slot 2 of module 1, and the machine puts in the others.
        """
        if blank_cards:
            self._rack.new(blank_cards)
            self._rack.insert(self._rack.blanks()[0], self._first, 2)
        return processes.pipsqueak(argv, self._environment)

    def run_shell(self, command: str) -> Ran:
        """Run one line in a shell."""
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    def insert_card(self, esn: str, slot: int) -> Ran:
        """Put a new card, never used, into an empty slot."""
        [card] = self._rack.new()
        return (
            processes.seemachine(
                ["card", "insert", card, "--esn", esn, "--slot", str(slot)], self._environment
            )[0],
            [],
        )

    def format_card(self, esn: str, slot: int) -> Ran:
        """Format the card in a slot."""
        return processes.seemachine(
            ["card", "format", "--esn", esn, "--slot", str(slot)], self._environment
        )

    def move_card(self, esn: str, slot: int, to_esn: str, to_slot: int) -> Ran:
        """Take the card out of one slot and put it into another."""
        self._rack.insert(self._rack.remove(esn, slot), to_esn, to_slot)
        return 0, []

    def stop_machine(self, esn: str) -> Ran:
        """Its address refuses connections, its published object stays behind."""
        self._machines[esn].kill()
        return 0, []

    def unpublish(self, esn: str) -> Ran:
        """Remove a machine's published object."""
        (self._home / "published" / "pqsdk" / f"{esn}.json").unlink()
        return 0, []


@pytest.fixture
def world(chapter: Chapter, vendor: bool, tmp_path: Path) -> Iterator[Laboratory]:
    """A new world in `tmp_path` with the chapter's HSMs running and published, and nothing else in
    it.
    """
    home = tmp_path / "world"
    fed = any(step.blank_cards for step in chapter.steps)
    described = [
        (
            hsm.esn,
            "--model",
            "xc" if "XC" in hsm.model else "5c",
            "--module",
            str(hsm.module),
            *(("--operator", "auto") if fed else ()),
        )
        for hsm in chapter.hsms
    ]
    with processes.machines(home, *described) as running:
        yield Laboratory(home, running, vendor=vendor)

"""Backups in any order with everything else that can happen to a world: no leaf is handed out
twice.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from backup.dying import dies_at
from backup.two_machines import KINDS, SLOT, TwoMachines
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from kit.leases import lease, name

from seemachine import world as worlds
from seemachine.backup import lending
from seemachine.commands import answer
from seemachine.machine import Session
from seemachine.state.errors import StateError
from seemachine.wire.messages import ProvisionLms
from seemachine.world import HOME_VARIABLE, KMLOCAL_VARIABLE

MOST_KEYS, LEASES, SIZE = 3, 3, 2

machines_of = st.sampled_from(sorted(KINDS))
numbers = st.integers(0, 10)


class AnyOrder(RuleBasedStateMachine):
    """A world with two machines, its backups, and copies that somebody made of its files."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.environment = mock.patch.dict(os.environ, {HOME_VARIABLE: str(self.folder / "world")})
        self.environment.start()
        os.environ.pop(KMLOCAL_VARIABLE, None)
        self.world = TwoMachines(self.folder / "world")
        self.keys = 0
        self.signed: set[tuple[bytes, int]] = set()
        self.files: list[Path] = []
        self.copies: list[tuple[Path, Path]] = []

    def teardown(self) -> None:
        """Leave nothing."""
        self.world.down()
        self.environment.stop()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        """Two machines and a card."""
        self.world.up()
        self.make_card()

    @precondition(lambda self: self.keys < MOST_KEYS)
    @rule()
    def make_card(self) -> None:
        """A key, all on one card."""
        self.keys += 1
        leases = [lease(self.keys, number * SIZE, (number + 1) * SIZE) for number in range(LEASES)]
        [blank] = self.world.rack.new()
        self.world.card(*leases, name=blank)

    @rule(esn=machines_of, number=numbers)
    def provision(self, esn: str, number: int) -> None:
        """A lease moves from a card into a machine, if it lets it."""
        if cards := self.world.usable():
            card = cards[number % len(cards)]
            self.world.rack.insert(card, esn, SLOT)
            answer(Session(self.world.machines[esn]), ProvisionLms(slot=SLOT))
            self.world.rack.remove(esn, SLOT)

    @rule(esn=machines_of)
    def sign(self, esn: str) -> None:
        """With every key that the machine has."""
        for key in range(1, self.keys + 1):
            leaf = self.world.sign(name(key), esn)
            if leaf is not None:
                assert (name(key), leaf) not in self.signed
                self.signed.add((name(key), leaf))

    @rule()
    def restart(self) -> None:
        """All machines."""
        self.world.down().up()

    @rule(number=numbers, take=st.booleans())
    def backup(self, number: int, take: bool) -> None:
        """With a card or without."""
        cards = self.world.usable() if take else []
        self.files.append(self.folder / f"{len(self.files)}.tar")
        self.world.backup(self.files[-1], *cards[number % len(cards) :][:1] if cards else ())

    @precondition(lambda self: self.world.usable())
    @rule(at=st.integers(0, 60))
    def backup_that_dies(self, at: int) -> None:
        """With a card, at any step."""
        file = self.folder / f"{len(self.files)}.tar"
        dies_at(at, lambda: self.world.backup(file, self.world.usable()[0]))
        if file.exists():
            self.files.append(file)

    @precondition(lambda self: self.files)
    @rule(number=numbers)
    def restore(self, number: int) -> None:
        """Any backup, however old."""
        self.world.down().restore(self.files[number % len(self.files)])
        self.world.up()

    @rule()
    def restore_outgoing(self) -> None:
        """What interrupted backups left."""
        for folder in lending.leftovers(worlds.World.at(self.world.path)):
            self.world.restore(folder)

    @rule(esn=machines_of)
    def lose_a_machine(self, esn: str) -> None:
        """All that it had."""
        shutil.rmtree(self.world.down().path / "hsm" / esn)
        self.world.up()

    @rule(
        what=st.sampled_from(
            ("hsm/*", "cards", "witness/restored", "witness/lent", "cards/outgoing")
        )
    )
    def copy(self, what: str) -> None:
        """Somebody keeps copies."""
        self.world.down()
        for origin in self.world.path.glob(what):
            self.copies.append((origin, self.folder / f"copy{len(self.copies)}"))
            shutil.copytree(*self.copies[-1])
        self.world.up()

    @precondition(lambda self: self.copies)
    @rule(number=numbers, in_place=st.booleans())
    def put_back(self, number: int, in_place: bool) -> None:
        """And puts one back, in place of the folder or of what is in it."""
        self.world.down()
        place, kept = self.copies[number % len(self.copies)]
        for path in [path for path in place.rglob("*") if path.is_file()] if in_place else ():
            path.unlink()
        if not in_place and place.exists():
            shutil.rmtree(place)
        shutil.copytree(kept, place, dirs_exist_ok=True)
        self.up_again()

    def up_again(self) -> None:
        """What was put back may be such that machines don't start with it; then it is
        taken away.
        """
        try:
            self.world.up()
        except StateError:
            self.world.down()
            shutil.rmtree(self.world.path / "hsm")
            self.world.up()


TestAnyOrder: Any = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

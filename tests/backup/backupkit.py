"""What the tests of backups share: a world in one process, asked without a wire, and crashes at
every step.
"""

import os
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from seeclient.effects import Address, Peer
from state.kit import ESN, OTHER_ESN, order

from seemachine import world as worlds
from seemachine.backup import restoring, saving
from seemachine.backup.steps import Step
from seemachine.commands import answer
from seemachine.lms import engines
from seemachine.machine import Machine, Session
from seemachine.state.cards import smartcard
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.errors import StateError
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.records import StoredLease
from seemachine.state.witness.folder import FolderWitness
from seemachine.wire.messages import Hello
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import StatusError

KINDS = {ESN: SqliteStore, OTHER_ESN: FileStore}
SLOT = 2


class World:
    """A world folder with two machines, one for each kind of store.

    `$SEEMACHINE_HOME` must be its path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rack = Rack(worlds.World.at(path))
        self.machines: dict[str, Machine] = {}

    def up(self) -> "World":
        """Start the machines that are down."""
        for esn, kind in KINDS.items():
            if esn not in self.machines:
                store = kind(self.path / "hsm" / esn, FolderWitness(self.path / "witness", esn))
                slots = Slots(worlds.World.at(self.path), esn)
                self.machines[esn] = Machine(
                    esn=esn,
                    model="5c",
                    store=store,
                    slots=slots,
                    engine=engines.select(),
                    random=os.urandom,
                )
        return self

    def down(self) -> "World":
        """Stop them all."""
        for machine in self.machines.values():
            machine.store.close()
        self.machines.clear()
        return self

    def store(self, esn: str = ESN) -> Any:
        """The NVRAM of a machine that is up."""
        return self.machines[esn].store

    def sign(self, name: bytes, esn: str = ESN) -> int | None:
        """The leaf that a machine hands out of a file; None when it does not."""
        [given] = self.store(esn).reserve([order(name)])
        return None if given is None or isinstance(given, StateError) else given.leaf

    def card(self, *leases: StoredLease, name: str = "card1") -> None:
        """Put a card with these leases on the rack."""
        smartcard.write_card(self.path / "cards", smartcard.Card(name, smartcard.LMS, leases))

    def usable(self) -> list[str]:
        """The cards on the rack that a machine would take leases from."""
        return [
            found.card
            for found in self.rack.listing()
            if found.kind == smartcard.LMS and found.leases
        ]

    def backup(self, file: Path, *names: str) -> Any:
        """Make a backup, with these cards in it."""
        portraits = (
            [saving.portrait(Wire(self), peer) for peer in self.peers()] if self.machines else []
        )  # type: ignore[arg-type]
        return saving.save(worlds.World.at(self.path), file, portraits, names)

    def restore(
        self, file: Path, witness: str | None = None, *, after_loss: bool = False
    ) -> list[Step]:
        """Restore a backup, or a folder of outgoing cards."""
        if file.is_dir():
            return restoring.restore_outgoing(worlds.World.at(self.path), file)
        return restoring.restore(
            worlds.World.at(self.path), restoring.opened(file), witness, after_loss=after_loss
        )

    def peers(self) -> list[Peer]:
        """The machines as a client knows them."""
        hello = Hello(protocol=PROTOCOL, client="test")
        return [
            Peer(Address("", 0, 1, esn), answer(Session(machine), hello))
            for esn, machine in self.machines.items()
        ]


class Wire:
    """Runs the stories of a client on the machines of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, story: Any) -> Any:
        """Answer what it asks."""
        reply = None
        while True:
            try:
                effect = story.send(reply)
            except StopIteration as end:
                return end.value
            reply = answer(Session(self.world.machines[effect.peer.esn]), effect.request)
            if isinstance(reply, StatusError):
                raise reply


DIED = 9


def dies_at(at: int, act: Callable[[], object]) -> bool:
    """Do something in a process of its own that dies before its change number `at` of the disk.

    Returns whether it came to that.
    """
    child = os.fork()
    if not child:
        try:
            _let_die(at)
            act()
            os._exit(0)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, DIED)
    return os.waitstatus_to_exitcode(status) == DIED


def _let_die(at: int) -> None:
    left = iter(range(at))

    def mortal(call: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            if next(left, None) is None:
                os._exit(DIED)
            return call(*arguments, **named)

        return done

    for owner, names in (
        (os, ("write", "fsync", "pwrite")),
        (Path, ("rename", "replace", "unlink", "mkdir", "rmdir")),
    ):
        for name in names:
            setattr(owner, name, mortal(getattr(owner, name)))


def every_step(act: Callable[[int], bool]) -> int:
    """Call with 0, 1, 2, ... until `act` says that it came to its end alive.

    Returns how many steps there were.
    """
    for at in count():
        try:
            if not act(at):
                return at
        except BaseException as error:
            error.add_note(f"after dying at step {at}")
            raise
    raise AssertionError

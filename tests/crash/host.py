"""The product on a recorded or rebuilt disk: machines opened as at a start, cards moved by hand,
and where every leaf is.
"""

import contextlib
import functools
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from crash.recorder import Killed

from seemachine.config import Config
from seemachine.keyring import KeyRing
from seemachine.lms.engines import Engine, select
from seemachine.lms.parameters import lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import Machine, Session
from seemachine.server.assembly import build, open_store
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card
from seemachine.state.disk.lock import FolderLock
from seemachine.state.errors import StateCorrupt
from seemachine.state.nvram import file, sqlite
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.witness import card_witness, record_file
from seemachine.testing import ESN
from seemachine.wire.names import SLOTS
from seemachine.world import CARD_SUFFIX, World

# A leaf is told by the identifier I of its key and its number: half-made keys have no root yet.
Leaf = tuple[bytes, int]
Places = dict[Leaf, list[str]]
SLOT = 2
DAY = 86400


@contextlib.contextmanager
def in_place(boot: bytes = b"before the power went") -> Iterator[None]:
    """What is rebuilt takes the place of what was there: no inode tells the two apart, as after a
    real crash.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(record_file, "boot_of_host", return_value=boot))
        for module in (card_witness, sqlite, file, record_file):
            stack.enter_context(mock.patch.object(module, "handle_of", return_value=bytes(16)))
        yield


class MemoEngine:
    """An engine that hashes the leaves of a seed once, for every disk of a matrix holds the same
    few keys.
    """

    def __init__(self, engine: Engine) -> None:
        self.name, self.kernel, self.hashes_per_second = (
            engine.name,
            engine.kernel,
            engine.hashes_per_second,
        )
        self.leaf_nodes = functools.lru_cache(maxsize=None)(engine.leaf_nodes)
        self.parents = functools.lru_cache(maxsize=None)(engine.parents)
        self.sign, self.recover = engine.sign, engine.recover


@functools.cache
def engine() -> MemoEngine:
    """The one of all machines of these tests."""
    return MemoEngine(select())


@dataclass
class CrashHost:
    """A world folder and its running machines."""

    folder: Path
    store: str
    chance: Callable[[int], bytes]
    # How long the ledger is kept, and how far the clock was moved.
    days: int = 0
    moved: float = 0.0
    machines: dict[str, Machine] = field(default_factory=dict)
    locks: dict[str, FolderLock] = field(default_factory=dict)

    @property
    def rack(self) -> Rack:
        """The cards."""
        return Rack(World.at(self.folder))

    def open(self, esn: str = ESN) -> Session:
        """Start a machine, in the order of `seemachine.server.launch`, and connect to it.

        Raises StateError.
        """
        settings = {"ledger_days": self.days, "runtime_witness": "off"}
        config = Config(
            esn=esn, store=self.store, world=World.at(self.folder), publish=False, **settings
        )
        lock = FolderLock(config.folder, esn)
        with contextlib.ExitStack() as failed:
            failed.callback(lock.release)
            store = open_store(config, {})
            failed.callback(store.close)
            machine = build(config, store)
            failed.pop_all()
        machine.engine, machine.random, machine.keys = engine(), self.chance, KeyRing(engine())
        self.machines[esn], self.locks[esn] = machine, lock
        self._set_clock(machine)
        return Session(machine)

    def _set_clock(self, machine: Machine) -> None:
        assert isinstance(machine.store, MirroredStore)
        machine.store._clock = lambda: time.time() + self.moved

    def forget(self) -> None:
        """Move the clock until the ledgers are old, and have every machine tidy up.

        Raises StateError.
        """
        self.moved += (self.days + 1) * DAY
        for machine in self.machines.values():
            self._set_clock(machine)
            while machine.store.tidy():
                pass

    def close(self, esn: str = ESN) -> None:
        """Stop a machine."""
        self.machines.pop(esn).store.close()
        self.locks.pop(esn).release()

    def close_all(self) -> None:
        """Stop them all."""
        for esn in tuple(self.machines):
            self.close(esn)

    def bury(self) -> None:
        """Let go of machines that were killed, whose every attempt to write fails."""
        for esn in tuple(self.machines):
            with contextlib.suppress(Killed, sqlite3.Error):
                self.machines.pop(esn).store.close()
        self.locks.clear()

    def put(self, card: str, esn: str = ESN, slot: int = SLOT) -> None:
        """Put a card from the rack into a slot in place of what is there."""
        if Slots(World.at(self.folder), esn).occupant(slot) is not None:
            self.rack.remove(esn, slot)
        self.rack.insert(card, esn, slot)

    def bring(self, card: str, esn: str, slot: int) -> None:
        """Put a card into a slot from wherever it is."""
        found = next(where for where in self.rack.listing() if where.card == card)
        if (found.esn, found.slot) != (esn, slot):
            if found.esn:
                self.rack.remove(found.esn, found.slot)
            self.put(card, esn, slot)

    def put_blank(self, esn: str = ESN, slot: int = SLOT) -> None:
        """Put a blank card into a slot, one that is in one place."""
        blanks = [card for card in self.rack.blanks() if place(card) not in self.copies()]
        self.put((blanks or self.rack.new())[0], esn, slot)

    def places(self, refused: list[str] | None = None) -> Places:
        """Where each leaf is that could still sign: NVRAM of running machines, cards, half-made
        keys.

        Damaged places are refused.
        """
        refused = [] if refused is None else refused
        found: Places = defaultdict(list)
        for esn, machine in self.machines.items():
            _in_nvram(found, esn, machine)
            _in_making(found, machine, refused)
        _on_cards(found, self.folder, refused)
        return dict(found)

    def copies(self) -> list[str]:
        """The cards that are in two places, named as in `places`.

        The product uses neither of the two.
        """
        return [
            place(name)
            for name, count in Counter(path.stem for path in _cards(self.folder)).items()
            if count > 1
        ]


def _in_nvram(found: Places, esn: str, machine: Machine) -> None:
    for name in machine.store.names():
        held = machine.store.get(name)
        assert held is not None
        for leaf in range(held.next, held.lease.end):
            found[(identifier(held.lease.public_key), leaf)].append(f"NVRAM of {esn}")


def _in_making(found: Places, machine: Machine, refused: list[str]) -> None:
    for label in machine.checkpoints.labels():
        try:
            head = machine.checkpoints.head(label)
        except StateCorrupt as error:
            refused.append(str(error))
            continue
        assert head is not None
        sectors = Sectors(lms(head["lms"]).h, head["expcards"], head["explease"])
        for number, seed in enumerate(head["seeds"]):
            for leaf in sectors.lease_leaves(number) if seed else ():
                found[(head["identifier"], leaf)].append(f"half-made {label}")


def _on_cards(found: Places, folder: Path, refused: list[str]) -> None:
    stems = Counter(path.stem for path in _cards(folder))
    for path in _cards(folder):
        if stems[path.stem] > 1:
            continue
        try:
            card = read_card(path)
        except StateCorrupt as error:
            refused.append(str(error))
            continue
        for lease in card.leases:
            for leaf in range(lease.first, lease.end):
                found[(identifier(lease.public_key), leaf)].append(place(card.name))


def _cards(folder: Path) -> list[Path]:
    return [*folder.glob(f"cards/*{CARD_SUFFIX}"), *folder.glob(f"hsm/*/slots/*/*{CARD_SUFFIX}")]


def place(card: str) -> str:
    """How `places` names a card."""
    return f"card {card}"


def identifier(public_key: bytes) -> bytes:
    """I of an encoded public key."""
    return public_key[8:24]


def counters(host: CrashHost) -> dict[str, int]:
    """What must never count backwards: openings of each machine, insertions of each slot."""
    found = {f"openings of {esn}": machine.store.epoch for esn, machine in host.machines.items()}
    for esn, machine in host.machines.items():
        found |= {f"insertions {esn} {slot}": machine.slots.ic(slot) for slot in SLOTS}
    return found

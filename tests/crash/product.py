"""The product around a recorded or rebuilt disk: machines opened as at a start, where every leaf is, and all that they would give away."""

import contextlib
import functools
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands.kit import ESN, repeatable
from crash.recorder import Killed

from seemachine.commands import answer
from seemachine.commands.nvmem import Signing, prepare, start_signing
from seemachine.config import Config
from seemachine.keyring import KeyRing
from seemachine.lms.engines import Engine, select
from seemachine.lms.parameters import lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import Machine, Session
from seemachine.server.start import build, open_store
from seemachine.state.cards import SUFFIX, read_card
from seemachine.state.errors import CardError, StateCorrupt, StateError
from seemachine.state.lock import FolderLock
from seemachine.state.rack import Rack
from seemachine.state.slots import Slots
from seemachine.wire import messages as m
from seemachine.wire.names import SLOTS
from seemachine.wire.status import Status, StatusError

# A leaf is told by the identifier I of its key and its number: half-made keys have no root yet.
Leaf = tuple[bytes, int]
Places = dict[Leaf, list[str]]
SLOT = 2


class MemoEngine:
    """An engine that hashes the leaves of a seed once, for every disk of a matrix holds the same few keys."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.kernel, self.hashes_per_second = engine.name, engine.kernel, engine.hashes_per_second
        self.leaf_nodes = functools.lru_cache(maxsize=None)(engine.leaf_nodes)
        self.parents = functools.lru_cache(maxsize=None)(engine.parents)
        self.sign, self.recover = engine.sign, engine.recover


@functools.cache
def engine() -> MemoEngine:
    """The one of all machines of these tests."""
    return MemoEngine(select())


class Broken(Exception):
    """The product failed otherwise than with one of its own refusals."""


@dataclass
class World:
    """A world folder and its running machines."""

    folder: Path
    store: str
    chance: Callable[[int], bytes]
    machines: dict[str, Machine] = field(default_factory=dict)
    locks: dict[str, FolderLock] = field(default_factory=dict)

    @property
    def rack(self) -> Rack:
        """The cards."""
        return Rack(self.folder)

    def open(self, esn: str = ESN) -> Session:
        """Start a machine, in the order of `seemachine.server.start`, and connect to it. Raises StateError."""
        config = Config(esn=esn, store=self.store, world=self.folder, publish=False)
        lock = FolderLock(config.folder, esn)
        try:
            machine = build(config, open_store(config))
        except BaseException:
            lock.release()
            raise
        machine.engine, machine.random, machine.keys = engine(), self.chance, KeyRing(engine())
        self.machines[esn], self.locks[esn] = machine, lock
        return Session(machine)

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
        if Slots(self.folder, esn).occupant(slot) is not None:
            self.rack.remove(esn, slot)
        self.rack.insert(card, esn, slot)

    def bring(self, card: str, esn: str) -> None:
        """Put a card into the slot from wherever it is."""
        found = next(where for where in self.rack.listing() if where.card == card)
        if (found.esn, found.slot) != (esn, SLOT):
            if found.esn:
                self.rack.remove(found.esn, found.slot)
            self.put(card, esn)

    def put_blank(self, esn: str = ESN) -> None:
        """Put a blank card into the slot."""
        self.put((self.rack.blanks() or self.rack.new())[0], esn)

    def places(self, refused: list[str] | None = None) -> Places:
        """Where each leaf is that could still sign: NVRAM of running machines, cards, half-made keys. Damaged places are refused."""
        refused = [] if refused is None else refused
        found: Places = defaultdict(list)
        for esn, machine in self.machines.items():
            _in_nvram(found, esn, machine)
            _in_making(found, machine, refused)
        _on_cards(found, self.folder, refused)
        return dict(found)


def _in_nvram(found: Places, esn: str, machine: Machine) -> None:
    for name in machine.store.names():
        file = machine.store.get(name)
        assert file is not None
        for leaf in range(file.next, file.lease.end):
            found[(identifier(file.lease.public_key), leaf)].append(f"NVRAM of {esn}")


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
    paths = [*folder.glob(f"cards/*{SUFFIX}"), *folder.glob(f"hsm/*/slots/*/*{SUFFIX}")]
    copies = Counter(path.name for path in paths)
    for path in paths:
        try:
            if copies[path.name] > 1:
                raise StateCorrupt(f"{path.stem} is in two places")
            card = read_card(path)
        except StateCorrupt as error:
            refused.append(str(error))
            continue
        for lease in card.leases:
            for leaf in range(lease.first, lease.end):
                found[(identifier(lease.public_key), leaf)].append(f"card {card.name}")


def identifier(public_key: bytes) -> bytes:
    """I of an encoded public key."""
    return public_key[8:24]


def ask(session: Session, request: Any) -> Any:
    """The reply, or None for a refusal. Raises Broken when the product did not expect what it met."""
    reply = answer(session, request)
    if isinstance(reply, StatusError):
        if reply.status is Status.Failed:
            raise Broken(f"{type(request).__name__}: {reply.__cause__!r}") from reply.__cause__
        return None
    return reply


def take(machine: Machine, files: list[bytes], message: bytes = b"after") -> list[Signing]:
    """A leaf of each named file, reserved as for a batch of signatures; files without leaves are passed over."""
    started = start_signing(machine, [m.NvmemfileSign(file=file, message=b"%s %d" % (message, n)) for n, file in enumerate(files)])
    return [signing for signing in started if isinstance(signing, Signing)]


def leaf_of(signing: Signing) -> Leaf:
    """The leaf of a reservation."""
    return signing.lease.key.identifier, signing.reserved.leaf


@dataclass
class Outcome:
    """What the product does with a disk: where leaves lie, which it gives away, what it refuses, and `broken`: an error that is neither."""

    places: Places = field(default_factory=dict)
    given: list[Leaf] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    broken: str = ""
    counters: dict[str, int] = field(default_factory=dict)


def try_out(folder: Path, store: str, esns: tuple[str, ...]) -> Outcome:
    """Start every machine of a rebuilt disk, look where its leaves are, then take all that can be had."""
    outcome, world = Outcome(), World(folder, store, repeatable("after the crash"))
    try:
        for esn in esns:
            try:
                world.open(esn)
            except StateError as error:
                outcome.refused.append(str(error))
        outcome.counters = counters(world)
        outcome.places = world.places(outcome.refused)
        outcome.given = [leaf for esn in world.machines for leaf in _drain(world, esn)]
    except Exception as error:  # noqa: BLE001
        outcome.broken = repr(error)
    finally:
        world.close_all()
    return outcome


def counters(world: World) -> dict[str, int]:
    """What must never count backwards: openings of each machine, insertions of each slot."""
    found = {f"openings of {esn}": machine.store.epoch for esn, machine in world.machines.items()}
    for esn, machine in world.machines.items():
        found |= {f"insertions {esn} {slot}": machine.slots.ic(slot) for slot in SLOTS}
    return found


def _drain(world: World, esn: str) -> Iterator[Leaf]:
    """Use up NVRAM, then every card, then finish every half-made key and use that up."""
    session = Session(world.machines[esn])
    yield from _use_up(session.machine)
    yield from _provision_all(world, session)
    for label in session.machine.checkpoints.labels():
        finish(world, session, label)
        yield from _use_up(session.machine)
        yield from _provision_all(world, session)


def _use_up(machine: Machine) -> list[Leaf]:
    files = [machine.store.get(name) for name in machine.store.names()]
    # One more than there are, for nobody must get that one.
    for name in machine.store.names():
        # Refuses a key whose leaves do not lead to its root.
        prepare(machine, name)
    wanted = [file.name for file in files if file is not None for _ in range(file.remaining + 1)]
    taken = take(machine, wanted)
    assert len(taken) == len(wanted) - len(files)
    assert not machine.store.names()
    return [leaf_of(signing) for signing in taken]


def _provision_all(world: World, session: Session) -> Iterator[Leaf]:
    for name in [found.card for found in world.rack.listing() if found.leases]:
        # A card in two places is refused.
        with contextlib.suppress(CardError):
            world.bring(name, session.machine.esn)
            while ask(session, m.ProvisionLms(slot=SLOT)):
                yield from _use_up(session.machine)


def finish(world: World, session: Session, label: str) -> None:
    """Resume a half-made key and make it whole, with its cards, as far as the machine goes along."""
    resumed = ask(session, m.ResumeLms(label=label))
    if resumed is None:
        return
    done = ask(session, m.ContinueLms(handle=resumed.handle))
    while done is not None and done.remaining:
        done = ask(session, m.ContinueLms(handle=resumed.handle))
    for _ in range(0 if done is None else done.cards):
        with contextlib.suppress(CardError):
            world.put_blank(session.machine.esn)
        ask(session, m.ContinueLmsCard(handle=resumed.handle, slot=SLOT))

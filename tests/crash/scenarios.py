"""What is recorded: scenes from the life of machines and cards, through the commands, with a mark after each."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands.kit import CHEAP, ESN, OTHER_ESN, generate, repeatable
from commands.kit import ask as get
from commands.kit import sign as request_for
from crash.matrix import AFTER_A_KILL, Handed, Recording, Still
from crash.product import SLOT, World, ask, counters, finish, identifier, leaf_of, take
from crash.recorder import Killed, Mark, Recorder, recording
from state.kit import quick_folder

from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.machine import Session
from seemachine.state.sqlite import SqliteStore
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name

STORES = ("sqlite", "file")
LABEL = "release"


class Scene:
    """A world, and the recorder that it runs under; without one, it is being prepared."""

    def __init__(self, world: World, recorder: Recorder | None = None) -> None:
        self.world, self._recorder, self._messages = world, recorder, 0

    def mark(self, what: Handed | Still) -> None:
        """Put into the log."""
        if self._recorder is not None:
            self._recorder.mark(what)

    def still(self, after: str) -> Still:
        """How it is now. Every machine of the scenario must be running."""
        return Still(self.world.places(), counters(self.world), after)

    def done(self, what: str) -> None:
        """A command has ended."""
        self.mark(self.still(what))

    def open(self, esn: str = ESN) -> Session:
        """Start a machine."""
        return self.world.open(esn)

    def reopen(self, esn: str = ESN) -> Session:
        """Stop a machine and start it again."""
        self.world.close(esn)
        session = self.open(esn)
        self.done("restart")
        return session

    def message(self) -> bytes:
        """Another one each time."""
        self._messages += 1
        return b"message %d" % self._messages

    def make(self, session: Session, expcards: int = 0, explease: int = 0, label: str = LABEL, **more: bool) -> bytes:
        """Make a key and write its cards, which stay on the rack but for the last. Returns its public key."""
        handle = self.begin(session, expcards, explease, label, **more)
        return self.finish(session, handle)

    def begin(self, session: Session, expcards: int = 0, explease: int = 0, label: str = LABEL, **more: bool) -> bytes:
        """Begin a key and do the first chunk. Returns its handle."""
        started = get(session, generate(CHEAP, expcards, explease, label=label, **more))  # type: ignore[arg-type]
        self.done("generate")
        get(session, m.ContinueLms(handle=started.handle))
        self.done("chunk")
        return bytes(started.handle)

    def finish(self, session: Session, handle: bytes) -> bytes:
        """Do the other chunks and the cards."""
        step = get(session, m.ContinueLms(handle=handle))
        while step.remaining:
            self.done("chunk")
            step = get(session, m.ContinueLms(handle=handle))
        self.done("last step")
        for _ in range(step.cards):
            self.world.put_blank(session.machine.esn)
            self.done("blank card")
            get(session, m.ContinueLmsCard(handle=handle, slot=SLOT))
            self.done("card written")
        return bytes(step.public_key)

    def discard(self, session: Session, label: str = LABEL) -> None:
        """The client has the key file."""
        get(session, m.DiscardLms(label=label))
        self.done("discard")

    def provision(self, session: Session) -> bytes:
        """The next lease of the card. Returns the file's name."""
        provisioned = get(session, m.ProvisionLms(slot=SLOT))
        self.done("provision")
        return bytes(provisioned.file)

    def sign(self, session: Session, file: bytes, count: int = 1) -> None:
        """Signatures, one by one."""
        for _ in range(count):
            message, found = self.message(), session.machine.store.get(file)
            assert found is not None
            signed = get(session, request_for(file, message))
            self.mark(Handed((identifier(found.lease.public_key), signed.leaf), message))
            self.done("sign")

    def sign_digest(self, session: Session, file: bytes) -> None:
        """A signature of what the client hashed."""
        message, found = self.message(), session.machine.store.get(file)
        assert found is not None
        key = PublicKey.decode(found.lease.public_key)
        reserved = get(session, m.NvmemfileReserve(file=file))
        self.mark(Handed((key.identifier, reserved.leaf), message))
        self.done("reserve")
        digest = message_digest(key.ots, reserved.identifier, reserved.leaf, reserved.randomizer, message)
        get(session, m.NvmemfileSignDigest(ticket=reserved.ticket, digest=digest))
        self.done("sign digest")

    def batch(self, session: Session, files: list[bytes]) -> None:
        """A batch of signatures, reserved in one flush."""
        message = self.message()
        for signing in take(session.machine, files, message):
            self.mark(Handed(leaf_of(signing), message))
        self.done("batch")


Act = Callable[[Scene], None]


@dataclass(frozen=True)
class Scenario:
    """What was before, and what is recorded. `killed`: the machines before were not stopped, so their logs are there."""

    name: str
    act: Act
    before: Act = lambda _scene: None
    esns: tuple[str, ...] = (ESN,)
    killed: bool = False
    stores: tuple[str, ...] = STORES


def an_empty_store(scene: Scene) -> None:
    """A machine that ran once."""
    scene.open()


def a_key(scene: Scene) -> None:
    """A machine with a key in NVRAM."""
    scene.make(scene.open(), label="")


def three_keys(scene: Scene) -> None:
    """A machine with three keys in NVRAM."""
    session = scene.open()
    for _ in range(3):
        scene.make(session, label="")


def some_signed(scene: Scene) -> None:
    """A machine that was killed after some signatures."""
    session = scene.open()
    scene.sign(session, nvram_name(scene.make(session, label="")), 3)


def almost_used_up(scene: Scene) -> None:
    """A key with three leaves left."""
    session = scene.open()
    file = nvram_name(scene.make(session, label=""))
    scene.batch(session, [file] * 29)


def two_cards(scene: Scene) -> None:
    """A key on two cards of four leases each, one in the slot."""
    scene.make(scene.open(), 1, 2)


def half_made(scene: Scene) -> None:
    """A key of which one chunk is done."""
    scene.begin(scene.open())


def create(scene: Scene) -> None:
    """The first start of a machine, and the second."""
    scene.open()
    scene.done("first start")
    scene.reopen()


def singular(scene: Scene) -> None:
    """A key made under a label, into NVRAM."""
    session = scene.open()
    scene.make(session)
    scene.discard(session)


def without_label(scene: Scene) -> None:
    """A key made without a label."""
    session = scene.open()
    scene.sign(session, nvram_name(scene.make(session, label="")))


def sectorized(scene: Scene) -> None:
    """A key made onto two cards."""
    session = scene.open()
    scene.make(session, 1, 1)
    scene.discard(session)


def replace(scene: Scene) -> None:
    """A half-made key given up for another, which is resumed after a restart."""
    session = scene.open()
    scene.begin(session, replace=True)
    session = scene.reopen()
    resumed = get(session, m.ResumeLms(label=LABEL))
    scene.finish(session, resumed.handle)


def provision(scene: Scene) -> None:
    """Leases moved from a card one after another."""
    session = scene.open()
    for _ in range(2):
        file = scene.provision(session)
        scene.sign(session, file)
        scene.batch(session, [file] * 4)


def sign(scene: Scene) -> None:
    """Signatures one by one, and one of a digest."""
    session = scene.open()
    [file] = session.machine.store.names()
    scene.sign(session, file, 3)
    scene.sign_digest(session, file)


def batches(scene: Scene) -> None:
    """Batches of signatures with three keys."""
    session = scene.open()
    first, second, third = session.machine.store.names()
    scene.batch(session, [first, second, third])
    scene.batch(session, [first] * 3 + [third] + [second] * 2)


def exhaust(scene: Scene) -> None:
    """The last leaves of a file, the last two in one batch."""
    session = scene.open()
    [file] = session.machine.store.names()
    scene.sign(session, file)
    scene.batch(session, [file] * 4)


def delete(scene: Scene) -> None:
    """A file destroyed with leaves in it."""
    session = scene.open()
    [first, *_] = session.machine.store.names()
    session.machine.store.delete(first)
    scene.done("delete")


def checkpoint(scene: Scene) -> None:
    """The log of SQLite copied into its database after every second page, and three times when asked."""
    session = scene.open()
    store, [file] = session.machine.store, session.machine.store.names()
    assert isinstance(store, SqliteStore)
    store._database.execute("PRAGMA wal_autocheckpoint = 2")
    scene.sign(session, file, 4)
    for mode in ("PASSIVE", "RESTART", "TRUNCATE"):
        store._database.execute(f"PRAGMA wal_checkpoint({mode})")
        scene.sign(session, file, 2)


def restart(scene: Scene) -> None:
    """A start after a kill, signatures, a clean stop and another start."""
    session = scene.open()
    scene.done("start after a kill")
    [file] = session.machine.store.names()
    scene.sign(session, file, 2)
    scene.sign(scene.reopen(), file)


def cards(scene: Scene) -> None:
    """Cards made, put in, taken out, formatted and fed by an operator."""
    scene.open()
    rack, slots = scene.world.rack, scene.world.machines[ESN].slots
    [blank] = rack.new()
    for what, act in (
        ("new", lambda: None),
        ("remove", lambda: rack.remove(ESN, SLOT)),
        ("insert", lambda: rack.insert(blank, ESN, SLOT)),
        ("light", lambda: slots.set_light(SLOT, on=True)),
        ("feed", lambda: rack.feed(ESN, SLOT)),
        ("back", lambda: scene.world.put("card1")),
        ("format", lambda: rack.format(ESN, SLOT, force=True)),
    ):
        act()
        scene.done(what)


def everything(scene: Scene) -> None:
    """Two machines: a key in NVRAM and one on cards, one of which goes to the other machine; restarts in between."""
    session, other = scene.open(), scene.open(OTHER_ESN)
    scene.done("both started")
    own = nvram_name(scene.make(session))
    scene.make(session, 1, 1, label="cards")
    scene.discard(session)
    scene.sign(session, own, 2)
    scene.world.put("card1", OTHER_ESN)
    scene.done("card to the other")
    file = scene.provision(session)
    assert scene.provision(other) == file
    scene.batch(other, [file] * 8)
    scene.provision(other)
    other = scene.reopen(OTHER_ESN)
    scene.sign(other, file)
    session = scene.reopen()
    scene.discard(session, "cards")
    scene.batch(session, [own, file] * 3)
    scene.sign_digest(session, own)


SCENARIOS = (
    Scenario("create", create),
    Scenario("generate, singular", singular, an_empty_store),
    Scenario("generate without a label", without_label, an_empty_store),
    Scenario("generate onto cards", sectorized, an_empty_store),
    Scenario("replace and resume", replace, half_made),
    Scenario("provision", provision, two_cards),
    Scenario("sign", sign, a_key),
    Scenario("sign in batches", batches, three_keys),
    Scenario("exhaust", exhaust, almost_used_up),
    Scenario("delete", delete, three_keys),
    Scenario("checkpoint of the log", checkpoint, a_key, stores=("sqlite",)),
    Scenario("restart after a kill", restart, some_signed, killed=True),
    Scenario("cards moved and formatted", cards, two_cards),
    Scenario("everything", everything, esns=(ESN, OTHER_ESN)),
)


def record(scenario: Scenario, store: str, broken: Callable[[pytest.MonkeyPatch], None] = lambda _patch: None) -> Recording:
    """Prepare a disk and record a scenario on it, with something in the product broken."""
    with quick_folder() as folder:
        place, still = _prepared(scenario, store, folder)
        world = World(place, store, repeatable("recorded"))
        with recording(place) as recorder, pytest.MonkeyPatch.context() as patch:
            broken(patch)
            scene = Scene(world, recorder)
            scene.mark(still)
            try:
                scenario.act(scene)
                scene.done("the last command")
            finally:
                world.close_all()
        return Recording(scenario.name, store, scenario.esns, recorder.base, tuple(recorder.log))


def operations(recording: Recording) -> int:
    """How many operations a process can be killed at."""
    return sum(not isinstance(operation, Mark) for operation in recording.log)


def record_killed(scenario: Scenario, store: str, life: int) -> Recording | None:
    """The same, but the process is killed after `life` operations, and another one goes on with what it finds.

    A kill loses nothing that was written, and flushes nothing. None when the scenario ends before that.
    """
    with quick_folder() as folder:
        place, still = _prepared(scenario, store, folder)
        with recording(place) as recorder:
            first = Scene(World(place, store, repeatable("recorded")), recorder)
            first.mark(still)
            recorder.life = life
            try:
                scenario.act(first)
            except Killed:
                pass
            else:
                recorder.life = None
                first.world.close_all()
                return None
            first.world.bury()
            recorder.revive()
            second = Scene(World(place, store, repeatable("second life")), recorder)
            try:
                _go_on(second, scenario.esns)
            finally:
                second.world.close_all()
        return Recording(scenario.name, store, scenario.esns, recorder.base, tuple(recorder.log), AFTER_A_KILL)


def _go_on(scene: Scene, esns: tuple[str, ...]) -> None:
    """What a client does that finds its machine started again: sign with what is there, finish what is half made, take the next lease."""
    sessions = [scene.open(esn) for esn in esns]
    scene.done("start after a kill")
    for session in sessions:
        store, labels = session.machine.store, session.machine.checkpoints.labels()
        scene.batch(session, store.names())
        for label in labels:
            finish(scene.world, session, label)
            scene.done("half-made key finished")
        if session.machine.slots.occupant(SLOT) and ask(session, m.ProvisionLms(slot=SLOT)):
            scene.done("provision")
        scene.batch(session, store.names())


def _prepared(scenario: Scenario, store: str, folder: Path) -> tuple[Path, Still]:
    before = World(folder / "before", store, repeatable("before"))
    before.folder.mkdir()
    scene = Scene(before)
    scenario.before(scene)
    still = scene.still("the beginning")
    if scenario.killed:
        shutil.copytree(before.folder, folder / "after the kill")
    before.close_all()
    return folder / ("after the kill" if scenario.killed else "before"), still

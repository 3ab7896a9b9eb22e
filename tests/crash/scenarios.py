"""What is recorded: scenes from the life of machines and cards."""

from collections.abc import Callable
from dataclasses import dataclass

from crash.host import SLOT
from crash.scene import LABEL, Scene, get

from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name

STORES = ("sqlite", "file")
Act = Callable[[Scene], None]


@dataclass(frozen=True)
class Scenario:
    """What was before, and what is recorded.

    `killed`: the machines before were not stopped, so their logs are there.

    `days`: how long ledgers are kept; 0: for ever.
    """

    name: str
    act: Act
    before: Act = lambda _scene: None
    esns: tuple[str, ...] = (ESN,)
    killed: bool = False
    stores: tuple[str, ...] = STORES
    days: int = 0


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
    """Leases moved from a card one after another; each ends in the middle of a batch, or of one
    request.
    """
    session = scene.open()
    file = scene.provision(session)
    scene.sign(session, file)
    scene.batch(session, [file] * 4)
    assert scene.provision(session) == file
    scene.sign(session, file)
    scene.many(session, file, 4)


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
    """The log of SQLite copied into its database after every second page, and three times when
    asked.
    """
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


def forgetting(scene: Scene) -> None:
    """Orders asked again by their tokens, a clock that moves, ledgers that forget, and orders that
    were forgotten.
    """
    session = scene.open()
    [file] = session.machine.store.names()
    scene.sign(session, file, 2)
    scene.sign_digest(session, file)
    scene.again()
    scene.forget()
    scene.sign(session, file)
    scene.again()
    session = scene.reopen()
    scene.again()
    scene.forget()
    scene.batch(session, [file] * 2)


def forgetting_the_last(scene: Scene) -> None:
    """The same with the last leaves of a file."""
    session = scene.open()
    [file] = session.machine.store.names()
    scene.batch(session, [file] * 2)
    scene.again()
    scene.forget()
    scene.sign(session, file)
    scene.again()
    scene.forget()
    scene.reopen()
    scene.again()


def a_card_at_a_time(scene: Scene) -> None:
    """Leases of a card used up one after another, with a ledger that forgets in between."""
    session = scene.open()
    for _ in range(2):
        file = scene.provision(session)
        scene.batch(session, [file] * 3)
        scene.sign(session, file)
        scene.again()
        scene.forget()


def cards(scene: Scene) -> None:
    """Cards made, put in, taken out, formatted and fed by an operator."""
    scene.open()
    rack = scene.host.rack
    [blank] = rack.new()
    for what, act in (
        ("new", lambda: None),
        ("remove", lambda: rack.remove(ESN, SLOT)),
        ("insert", lambda: rack.insert(blank, ESN, SLOT)),
        ("empty", lambda: rack.remove(ESN, SLOT)),
        ("feed", lambda: rack.feed(ESN, SLOT)),
        ("back", lambda: scene.host.put("card1")),
        ("format", lambda: rack.format(ESN, SLOT, force=True)),
    ):
        act()
        scene.done(what)


def everything(scene: Scene) -> None:
    """Two machines: a key in NVRAM and one on cards, one of which goes to the other machine;
    restarts in between.
    """
    session, other = scene.open(), scene.open(OTHER_ESN)
    scene.done("both started")
    own = nvram_name(scene.make(session))
    scene.make(session, 1, 1, label="cards")
    scene.discard(session)
    scene.sign(session, own, 2)
    scene.host.put("card1", OTHER_ESN)
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
    Scenario("a ledger that forgets", forgetting, a_key, days=1),
    Scenario("last leaves forgotten", forgetting_the_last, almost_used_up, days=1),
    Scenario("leases forgotten", a_card_at_a_time, two_cards, days=1),
    Scenario("forgotten after a kill", restart, some_signed, killed=True, days=1),
    Scenario("cards moved and formatted", cards, two_cards),
    Scenario("everything", everything, esns=(ESN, OTHER_ESN)),
)

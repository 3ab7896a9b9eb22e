"""What lies on the disk of a machine: records, cards, NVRAM, half-made keys.

Damaged by bytes, or forged and sealed with a right checksum.

A forged record may say anything, so all that can be asked is that it is refused in order. Damage
without a new checksum must moreover bring no leaf back.
"""

import contextlib
import functools
import hashlib
import shutil
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from fuzz.lms_targets import engine
from fuzz.source import Source
from fuzz.target import scratch, target
from kit.commands import CHEAP, SLOT, RepeatableRig, ask, generate, hash_key
from kit.leases import lease, name, take
from kit.stores import DURABLE, FILE, SQLITE, Kind

from seemachine.commands import answer
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import lms
from seemachine.lms.verifying import candidate_root
from seemachine.machine import Machine, Session
from seemachine.state import key_blobs
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.errors import LeaseSpent, StateCorrupt, StateError
from seemachine.state.nvram.store import Store
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.records import Reserved, lease_values
from seemachine.testing import ESN, repeatable
from seemachine.wire import messages as m
from seemachine.wire.names import PROTOCOL
from seemachine.wire.record import from_fields, to_fields
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

Files = dict[str, bytes]

_tokens = (number.to_bytes(16, "big") for number in count(1))
# Of the stores of the targets: what was handed out before the damage.
GIVEN = 3


# ---------------------------------------------------------------- folders and their damage


def snapshot(folder: Path) -> Files:
    """All files of a folder and of those in it, locks excepted."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def restored(folder: Path, files: Files) -> Path:
    """The folder with these files and no others.

    The folder itself stays: a store may know its place.
    """
    for path in folder.glob("*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def checked(packed: bytes) -> bytes:
    """Any bytes with the checksum of a sealed record behind."""
    return packed + hashlib.sha256(packed).digest()


def forged(data: bytes, source: Source) -> bytes:
    """A sealed record with some of its values changed, as if it had been written so; what is no
    sealed record, with bytes changed.
    """
    try:
        return seal(source.edited(unseal(data, "")))
    except StateCorrupt:
        return source.cut(data)


def harmed(files: Files, source: Source) -> tuple[Files, bool]:
    """One or two of the files changed, and whether with right checksums."""
    honest = bool(source.number(2))
    change: Callable[[bytes, Source], bytes] = (
        (lambda data, source: source.cut(data)) if honest else forged
    )
    for path in dict.fromkeys(source.pick(sorted(files)) for _ in range(1 + source.number(2))):
        files = files | {path: change(files[path], source)}
    return files, not honest


# ---------------------------------------------------------------- records


@target(
    *(bytes([way]) + seal({"a": 1}) for way in range(2)),
    b"\0" + b"\x81\xa1a\x01",
    b"\0\xc7\x00\x05",
)
def sealed(data: bytes) -> None:
    """Any bytes, with a checksum or without, are a map or StateCorrupt."""
    source = Source(data)
    way, rest = source.number(2), source.rest()
    with contextlib.suppress(StateCorrupt):
        assert type(unseal(rest if way else checked(rest), "record")) is dict


def filled(kind: Kind, folder: Path) -> Files:
    """A store with two files, one of which has given leaves, and with a lease that is spent."""
    store = kind.open(folder)
    for key in (1, 2):
        store.install(lease(key))
    reserved(store, [name(1)] * GIVEN)
    store.install(lease(3, end=1))
    reserved(store, [name(3)])
    store.close()
    return snapshot(folder)


@functools.cache
def pristine(kind: str) -> Files:
    """The files of a store of that kind."""
    return filled(next(each for each in DURABLE if each.name == kind), scratch(f"store-{kind}"))


def reserved(store: Store, names: list[bytes]) -> list[Any]:
    """A leaf of each of these files, where there is one."""
    return [taken for taken in take(store, names) if isinstance(taken, Reserved)]


def used(store: Store, *, forged: bool) -> set[tuple[bytes, int]]:
    """Take leaves of every file. Returns them by key."""
    taken = [*reserved(store, store.names()), *reserved(store, store.names())]
    leaves = [(one.lease.public_key, one.leaf) for one in taken]
    assert len(set(leaves)) == len(leaves)
    if not forged:
        assert all(leaf >= GIVEN for key, leaf in leaves if key == lease(1).public_key), (
            "a leaf came back"
        )
    return set(leaves)


def behaves(kind: Kind, folder: Path, *, forged: bool) -> None:
    """Opening ends in StateError or in a store that gives no leaf twice, whatever happens in
    between.
    """
    given: set[tuple[bytes, int]] = set()
    for _ in range(2):
        try:
            store = kind.open(folder)
        except StateError as error:
            assert str(error)
            return
        try:
            if not forged:
                must_stay_spent(store)
            leaves = used(store, forged=forged)
            assert not leaves & given, "a leaf was given before and after opening again"
            given |= leaves
            store.install(lease(4, end=4))
        except StateError as error:
            assert str(error)
        finally:
            store.close()


def must_stay_spent(store: Store) -> None:
    """A lease that was used up can't be installed a second time."""
    try:
        store.install(lease(3, end=1))
    except LeaseSpent:
        return
    raise AssertionError("a lease that was used up was installed again")


def damaged_store(kind: Kind, data: bytes) -> None:
    """Damage the files of a store, and see what opening says."""
    files, resealed = harmed(pristine(kind.name), Source(data))
    folder = restored(scratch(f"store-{kind.name}"), files)
    behaves(kind, folder, forged=resealed)


@target(b"\1", b"\0\1\0\0\0\1", b"\0\0\1\0\0\1", b"\0\2\0\1", longest=256)
def file_store(data: bytes) -> None:
    """The files of a file store, `history` among them, damaged or forged: StateError, or a store
    that behaves.
    """
    damaged_store(FILE, data)


@target(b"\1", b"\1\0\0\1", longest=256)
def database(data: bytes) -> None:
    """The bytes of nvram.db damaged: StateError, or a store that behaves."""
    damaged_store(SQLITE, b"\1" + data)


# ---------------------------------------------------------------- machines on damaged state


def machine_on(world: Path, **settings: Any) -> Machine:
    """A machine of a world folder."""
    settings = {"store": MemoryStore(), "engine": engine(), "random": repeatable("fuzz")} | settings
    return Machine(esn=ESN, model="5c", slots=Slots(World.at(world), ESN), **settings)


def said(session: Session, request: Any) -> Any:
    """The reply, None after a refusal.

    Neither may be a bug of the machine's, and both must fit the wire.
    """
    reply = answer(session, request)
    if isinstance(reply, StatusError):
        if reply.status is Status.Failed:
            told = "".join(traceback.format_exception(reply.__cause__))
            raise AssertionError(f"{request.NAME} ended in an internal error: {told}")
        return None
    assert from_fields(type(reply), to_fields(reply)) == reply
    return reply


def new(kind: type[Any], **given: object) -> Any:
    """A request that is not taken for an earlier one, where requests of its class have a token to
    be told apart by.
    """
    return kind(**given, **({"token": next(_tokens)} if "token" in kind.CHECKS else {}))


def signs_well(session: Session, file: m.NvmemfileInfo) -> None:
    """Three signatures of a file, if it gives any, two of them in one request: with leaves of their
    own, and each verifies.
    """
    made: list[bytes] = []
    alone = said(session, new(m.NvmemfileSign, file=file.file, message=b"m"))
    made += [alone.signature] if alone is not None else []
    tokens = [next(_tokens), next(_tokens)]
    together = m.NvmemfileSignMany(file=file.file, tokens=tokens, messages=[b"m", b"m"])
    signed = said(session, together)
    made += [each for each in signed.signatures if each] if signed is not None else []
    assert len({signature[:4] for signature in made}) == len(made)
    for signature in made:
        key = PublicKey.decode(file.public_key)
        assert candidate_root(session.machine.engine, key, [b"m"], signature) == key.root


def reserves_well(session: Session, file: m.NvmemfileInfo) -> None:
    """A leaf set aside, if there is one, signs a digest."""
    request = new(m.NvmemfileReserve, file=file.file)
    reserved = said(session, request)
    if reserved is not None:
        key = PublicKey.decode(file.public_key)
        digest = message_digest(
            key.ots, reserved.identifier, reserved.leaf, reserved.randomizer, b"m"
        )
        said(session, m.NvmemfileSignDigest(file=file.file, token=request.token, digest=digest))


def exercised(session: Session) -> None:
    """Ask for everything that a machine says of itself and its files."""
    said(session, m.Hello(protocol=PROTOCOL, client="fuzz"))
    listing = said(session, m.ListNvmemfiles())
    for file in listing.files if listing is not None else ():
        said(session, m.GetNvmemfileInfo(file=file.file))
        said(session, m.LoadLms(file=file.file, expcache=0, offset=0, nodes=file.public_key[24:]))
        signs_well(session, file)
        reserves_well(session, file)


@functools.cache
def carded() -> tuple[Any, ...]:
    """The leases of a real key's card."""
    world = RepeatableRig(scratch("carding"))
    session = Session(world.machine(engine=engine()))
    key = hash_key(session, CHEAP, 1, 1)
    world.feed_blank()
    ask(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
    lease_of = []
    while (found := world.machine().slots.next_lease(SLOT)) is not None:
        lease_of.append(found)
        world.machine().slots.take_lease(SLOT, found)
    return tuple(lease_of)


@functools.cache
def card_file() -> bytes:
    """A card with those leases, as a file."""
    return seal({"name": "card1", "kind": "lms", "leases": [lease_values(one) for one in carded()]})


@target(b"\1", b"\0\0\1\2\3\0\3\0\0", b"\0\0\1\1\3\1", longest=512)
def cards(data: bytes) -> None:
    """A card in a slot, damaged or forged, beside a counter of any bytes: listed, provisioned and
    signed with, or refused in order.
    """
    source = Source(data)
    honest, counter = source.number(2), source.octets()
    card = source.cut(card_file()) if honest else forged(card_file(), source)
    world = scratch("cards")
    restored(world / "hsm" / ESN / "slots" / str(SLOT), {"card1.card": card, "ic": counter})
    session = Session(machine_on(world))
    for request in (
        m.ListSlots(),
        m.WaitForCard(kind="lms", slot=SLOT),
        m.WaitForCard(kind="blank"),
        m.ProvisionLms(slot=SLOT),
        m.ProvisionLms(slot=SLOT),
        m.ListSlots(),
    ):
        said(session, request)
    exercised(session)


@functools.cache
def honest_blob() -> bytes:
    """A blob of an ML-DSA key of the world `blobs`."""
    made: m.MldsaMade = ask(Session(machine_on(scratch("blobs"))), m.GenerateMldsa(mldsa=44))
    return made.blob


@target(b"\1", b"\0\1\1\0\0\1", b"\0\0\1\3\3\0\3\0\0", longest=256)
def blobs(data: bytes) -> None:
    """A blob of an ML-DSA key, damaged or forged: looked at and signed with, or refused in order;
    one that was changed signs nothing.
    """
    source, honest = Source(data), honest_blob()
    blob = source.cut(honest) if source.number(2) else forged(honest, source)
    session = Session(machine_on(scratch("blobs")))
    if not 0 < len(blob) <= m.KEY_BLOB[1]:
        return
    said(session, m.InfoMldsa(blob=blob))
    signed = said(session, m.SignMldsa(blob=blob, mu=bytes(64)))
    assert signed is None or key_blobs.read(blob) == key_blobs.read(honest)


@functools.cache
def installed() -> Files:
    """A file store with a real lease in it."""
    folder = scratch(f"machines/hsm/{ESN}")
    store = FILE.open(folder)
    store.install(carded()[1])
    reserved(store, [carded()[1].name])
    store.close()
    return snapshot(folder)


@target(b"\1", b"\0\1\1\0\0\1", b"\0\0\1\0\3\0\4\0\5", longest=256)
def machines(data: bytes) -> None:
    """A machine on forged NVRAM files: its store does not open, or all that it is asked ends in
    replies and refusals.
    """
    files, _ = harmed(installed(), Source(data))
    world = scratch("machines")
    try:
        store = FILE.open(restored(world / "hsm" / ESN, files))
    except StateError:
        return
    try:
        exercised(Session(machine_on(world, store=store)))
    finally:
        store.close()


@functools.cache
def half_made(expcards: int, steps: int) -> Files:
    """The checkpoint of a key after some steps."""
    folder = scratch(f"half-made-{expcards}-{steps}")
    session = Session(machine_on(folder, checkpoints=FolderCheckpoints(folder / "hsm" / ESN)))
    started = ask(session, generate(CHEAP, expcards, expcards, label="a"))
    for _ in range(steps):
        ask(session, m.ContinueLms(handle=started.handle))
    return snapshot(folder / "hsm" / ESN / "making")


@target(b"\1", b"\2", b"\0\0\1\0\1\0", b"\1\0\1\0\1\7", longest=256)
def checkpoints(data: bytes) -> None:
    """A half-made key, its head or rows damaged or forged: resumed and finished, or refused in
    order.
    """
    source = Source(data)
    files, _ = harmed(half_made(*source.pick([(0, 2), (1, 2), (1, 5), (0, 4)])), source)
    world = scratch("checkpoints")
    restored(world / "hsm" / ESN / "making", files)
    session = Session(machine_on(world, checkpoints=FolderCheckpoints(world / "hsm" / ESN)))
    resumed = said(session, m.ResumeLms(label="a"))
    # Hashing a tall tree is slow, and no news.
    if resumed is not None and lms(resumed.lms).h <= 5:
        finish(session, resumed)
    said(session, m.DiscardLms(label="a"))


def finish(session: Session, resumed: m.LmsResumed) -> None:
    """Go on with a key until it refuses or is done, then ask for its card and its file."""
    for _ in _times(resumed.remaining):
        if said(session, m.ContinueLms(handle=resumed.handle)) is None:
            break
    said(session, m.ContinueLmsCard(handle=resumed.handle, slot=SLOT))
    exercised(session)


def _times(count: int) -> Iterator[None]:
    # With the nodes that a resumed key tells again there are at most twice the chunks of an h5
    # tree.
    assert count <= 33
    yield from [None] * (2 * count)

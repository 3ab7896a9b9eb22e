"""Half-made keys: kept after each step, taken over, given up, and never a way to the same leaf
twice.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyhsslms
import pytest
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.lms import engines
from seemachine.lms.parameters import lmots, lms
from seemachine.machine import Machine, Session
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

ESN = "7852-268D-3BF9"
TREE, OTS = lms("sha256_m24_h5"), lmots("sha256_n24_w1")
STEPS = 9  # expchunk 2: eight chunks of four leaves and the closing step


class Bench:
    """A machine that can be started again, and connections to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rack = Rack(World.at(home))
        self.start()

    def start(self) -> None:
        folder = self.home / "hsm" / ESN
        self.machine = Machine(
            esn=ESN,
            model="5c",
            store=SqliteStore(folder),
            slots=Slots(World.at(self.home), ESN),
            engine=engines.select(),
            random=os.urandom,
            checkpoints=FolderCheckpoints(folder),
        )

    def restart(self) -> None:
        self.machine.store.close()
        self.start()

    def session(self) -> Session:
        return Session(self.machine)

    def insert_blank(self) -> None:
        if self.machine.slots.occupant(2) is not None:
            self.rack.remove(ESN, 2)
        self.rack.insert(self.rack.new()[0], ESN, 2)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A machine with an empty world."""
    made = Bench(tmp_path)
    yield made
    made.machine.store.close()


def begin(session: Session, label: str = "big", cards: int = 0, lease: int = 0, **more: Any) -> Any:
    """Begin a small key in nine steps."""
    request = m.GenerateLms(
        lms=TREE.typecode,
        lmots=OTS.typecode,
        expcards=cards,
        explease=lease,
        expchunk=2,
        expcache=3,
        label=label,
        **more,
    )
    return answer(session, request)


def go_on(session: Session, handle: bytes, steps: int = 99) -> list[Any]:
    """Continue so often, or until the public key comes."""
    replies: list[Any] = []
    while len(replies) < steps and not (
        replies and (isinstance(replies[-1], StatusError) or replies[-1].public_key)
    ):
        replies.append(answer(session, m.ContinueLms(handle=handle)))
    return replies


def sign(session: Session, public_key: bytes) -> m.NvmemfileSigned:
    """A signature that pyhsslms verifies."""
    signed = answer(
        session, m.NvmemfileSign(file=nvram_name(public_key), token=new_token(), message=b"m")
    )
    assert isinstance(signed, m.NvmemfileSigned), signed
    assert pyhsslms.LmsPublicKey.deserialize(public_key).verify(b"m", signed.signature)
    return signed


def test_a_half_made_key_without_a_seed_is_given_up(bench: Bench) -> None:
    """A crash while seeds were handed out may have lost one: its leaves can't be hashed."""
    session = bench.session()
    go_on(session, begin(session).handle, 2)
    session.machine.making["big"].generation.seeds[-1] = b""

    refused = answer(bench.session(), m.ResumeLms(label="big"))
    assert isinstance(refused, StatusError)
    assert refused.status is Status.Malformed
    assert refused.detail.startswith(
        "the half-made key big has lost seeds in resumeLMS; give it up"
    )
    assert isinstance(begin(bench.session(), replace=True), m.LmsStarted)


@pytest.mark.parametrize("done", range(STEPS))
def test_a_key_goes_on_after_a_restart_at_any_step(bench: Bench, done: int) -> None:
    """Killed after any step, the machine resumes with the steps that are left, and hands out the
    whole cache again.
    """
    session = bench.session()
    first = go_on(session, begin(session).handle, done)
    bench.restart()
    session = bench.session()

    resumed = answer(session, m.ResumeLms(label="big"))

    if not done:
        assert resumed.status is Status.UnknownID
        return
    assert (resumed.lms, resumed.lmots, resumed.expchunk, resumed.expcache) == (
        TREE.typecode,
        OTS.typecode,
        2,
        3,
    )
    assert resumed.remaining == first[-1].remaining
    replies = go_on(session, resumed.handle)
    public_key = replies[-1].public_key
    cache = b"".join(reply.cache for reply in replies)
    assert cache.startswith(b"".join(reply.cache for reply in first))
    assert len(cache) == TREE.m << 3
    assert sign(session, public_key).leaf == 0
    bench.restart()
    assert (
        answer(
            bench.session(),
            m.LoadLms(file=nvram_name(public_key), expcache=3, offset=0, nodes=cache),
        ).missing
        == 0
    )


def test_resumed_and_uninterrupted_keys_are_the_same(bench: Bench) -> None:
    """With the same chance, an interrupted key has the public key that it would have had."""

    def random_of(seed: int) -> Any:
        state = iter(range(seed, seed + 1000))
        return lambda size: bytes([next(state) % 251]) * size

    keys = []
    for interrupted in (False, True):
        bench.machine.random = random_of(1)
        session = bench.session()
        handle = begin(session, "same", replace=True).handle
        if interrupted:
            go_on(session, handle, 4)
            bench.restart()
            session = bench.session()
            handle = answer(session, m.ResumeLms(label="same")).handle
        keys.append(
            go_on(session, handle)[-1].public_key
            if not interrupted
            else _closing_key(session, handle)
        )
        answer(session, m.DiscardLms(label="same"))

    assert keys[0] == keys[1]


def _closing_key(session: Session, handle: bytes) -> bytes:
    """The public key of a generation, also when its install is refused because the NVRAM has these
    very leaves already.
    """
    pending = session.generations[handle]
    go_on(session, handle)
    return pending.generation.public_key.encode()


def test_a_key_taken_over_is_lost_to_its_first_connection(bench: Bench) -> None:
    """While one connection still has a key, another may resume it; the first finds its handle
    unknown and its end harms nothing.
    """
    old, new = bench.session(), bench.session()
    handle = begin(old).handle
    go_on(old, handle, 3)

    resumed = answer(new, m.ResumeLms(label="big"))
    refused = answer(old, m.ContinueLms(handle=handle))
    old.close()
    public_key = go_on(new, resumed.handle)[-1].public_key

    assert refused.status is Status.UnknownID
    assert sign(new, public_key).leaf == 0


def test_a_lost_last_reply_can_be_asked_for_again(bench: Bench) -> None:
    """The public key of a finished key can be had until the client says that it has it; the leaves
    are installed once.
    """
    session = bench.session()
    public_key = go_on(session, begin(session).handle)[-1].public_key
    sign(session, public_key)
    bench.restart()
    session = bench.session()

    again = go_on(session, answer(session, m.ResumeLms(label="big")).handle)[-1]
    answer(session, m.DiscardLms(label="big"))
    gone = answer(session, m.ResumeLms(label="big"))

    assert (again.public_key, again.cards) == (public_key, 0)
    assert sign(session, public_key).leaf == 1
    assert gone.status is Status.UnknownID


def test_no_seed_stays_in_the_checkpoint_of_an_installed_key(bench: Bench) -> None:
    """Once a singular key is in NVRAM its seed is nowhere else."""
    session = bench.session()
    public_key = go_on(session, begin(session).handle)[-1].public_key
    file = bench.machine.store.get(nvram_name(public_key))
    assert file is not None

    kept = b"".join(path.read_bytes() for path in (bench.home / "hsm" / ESN / "making").iterdir())

    assert kept
    assert file.lease.seed not in kept


def test_a_crash_between_checkpoint_and_install_loses_the_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dying in the instant before the install wastes the leaves, and resuming says so instead of
    making them a second time.
    """
    session = bench.session()
    handle = begin(session).handle
    go_on(session, handle, STEPS - 1)

    def die(lease: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.machine.store, "install", die)
    with pytest.raises(KeyboardInterrupt):
        answer(session, m.ContinueLms(handle=handle))
    bench.restart()
    session = bench.session()

    refused = go_on(session, answer(session, m.ResumeLms(label="big")).handle)[-1]

    assert refused.status is Status.NotAvailable
    assert "lost in a crash" in refused.detail
    assert bench.machine.store.names() == []
    assert isinstance(begin(session, replace=True), m.LmsStarted)


def test_the_cards_of_a_resumed_key_go_on_with_the_next(bench: Bench) -> None:
    """After a restart between two cards the second is written with the leases that are not on the
    first.
    """
    session = bench.session()
    handle = begin(session, cards=1, lease=1).handle
    public_key = go_on(session, handle)[-1].public_key
    bench.insert_blank()
    assert answer(session, m.ContinueLmsCard(handle=handle, slot=2)).remaining == 1
    bench.restart()
    session = bench.session()

    resumed = answer(session, m.ResumeLms(label="big"))
    closed = go_on(session, resumed.handle)[-1]
    bench.insert_blank()
    written = answer(session, m.ContinueLmsCard(handle=resumed.handle, slot=2))

    assert (closed.public_key, closed.cards, written.remaining) == (public_key, 1, 0)
    firsts = set()
    for card in ("card1", "card2"):
        if bench.machine.slots.occupant(2) is not None:
            bench.rack.remove(ESN, 2)
        bench.rack.insert(card, ESN, 2)
        for _ in range(2):
            moved = answer(session, m.ProvisionLms(slot=2))
            firsts.add(moved.first)
            assert {sign(session, public_key).leaf for _ in range(8)} == set(
                range(moved.first, moved.end)
            )
    assert firsts == {0, 8, 16, 24}


def test_a_card_that_may_have_been_written_is_not_written_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dying right after a card was written, the machine does not write its leases to
    another card.
    """
    session = bench.session()
    handle = begin(session, cards=1).handle
    go_on(session, handle)
    bench.insert_blank()
    from seemachine.state.cards import slots

    original = slots.write_card

    def write_and_die(*arguments: Any) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(slots, "write_card", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        answer(session, m.ContinueLmsCard(handle=handle, slot=2))
    monkeypatch.undo()
    bench.restart()
    session = bench.session()

    resumed = answer(session, m.ResumeLms(label="big"))
    assert go_on(session, resumed.handle)[-1].cards == 1
    first = answer(session, m.ProvisionLms(slot=2))
    bench.insert_blank()
    answer(session, m.ContinueLmsCard(handle=resumed.handle, slot=2))
    leaf = sign(session, first.public_key).leaf
    answer(session, m.ListSlots())
    for _ in range(15):
        sign(session, first.public_key)
    second = answer(session, m.ProvisionLms(slot=2))

    assert (first.first, leaf, second.first) == (0, 0, 16)


def test_a_label_is_taken_until_it_is_given_up(bench: Bench) -> None:
    """A second key of the same label is refused while a half-made one is there, in memory or on
    disk, unless it is to be replaced.
    """
    session, other = bench.session(), bench.session()
    handle = begin(session).handle

    in_memory = begin(other)
    go_on(session, handle, 1)
    session.close()
    on_disk = begin(other)
    replaced = begin(other, replace=True)

    assert in_memory.status is on_disk.status is Status.ObjectInUse
    assert on_disk.detail == (
        "there is a half-made key big in generateLMS; resume it with resume=yes, or give it up"
        " with replace=yes"
    )
    assert in_memory.detail == (
        "a client that is connected is making the key big now in generateLMS; wait for its end, or"
        " choose another alias; if that client hangs, resume=yes takes the key over"
    )
    assert len(go_on(other, replaced.handle)) == STEPS


def test_replacing_takes_the_key_from_who_makes_it(bench: Bench) -> None:
    """After a replacement the old connection's steps are refused and leave no rows in the new key's
    checkpoint.
    """
    old, new = bench.session(), bench.session()
    handle = begin(old).handle
    go_on(old, handle, 3)

    replaced = begin(new, replace=True)
    refused = answer(old, m.ContinueLms(handle=handle))
    go_on(new, replaced.handle, 2)
    bench.restart()
    session = bench.session()
    public_key = go_on(session, answer(session, m.ResumeLms(label="big")).handle)[-1].public_key

    assert refused.status is Status.UnknownID
    assert sign(session, public_key).leaf == 0


def test_without_a_label_nothing_is_kept(bench: Bench) -> None:
    """A key that nobody could ask for again leaves nothing on disk."""
    session = bench.session()
    go_on(session, begin(session, label="").handle, 3)

    assert list((bench.home / "hsm" / ESN / "making").iterdir()) == []


@pytest.mark.parametrize("label", ["../x", "A", "a b", "x" * 64 + "y", "ü"])
def test_a_label_cannot_be_a_path(bench: Bench, label: str) -> None:
    """Labels are short words; anything else is refused before a file is touched."""
    session = bench.session()

    if len(label) <= 64:
        assert begin(session, label=label).status is Status.InvalidParameter
    assert answer(session, m.ResumeLms(label=label[:64])).status is Status.UnknownID
    assert isinstance(answer(session, m.DiscardLms(label=label[:64])), m.LmsDiscarded)


@pytest.mark.parametrize("cut", [1, 8, 31])
def test_a_torn_row_counts_as_not_done(bench: Bench, cut: int) -> None:
    """What a power cut left of the last row is hashed again."""
    session = bench.session()
    handle = begin(session).handle
    before = go_on(session, handle, 4)[-1].remaining
    path = bench.home / "hsm" / ESN / "making" / "big.rows"
    os.truncate(path, path.stat().st_size - cut)
    bench.restart()
    session = bench.session()

    resumed = answer(session, m.ResumeLms(label="big"))

    assert resumed.remaining == before + 1
    public_key = go_on(session, resumed.handle)[-1].public_key
    assert sign(session, public_key).leaf == 0


def test_a_damaged_row_ends_what_is_known(bench: Bench) -> None:
    """A flipped bit in a row sends that chunk and all after it back to be hashed; the key comes out
    right.
    """
    session = bench.session()
    go_on(session, begin(session).handle, 5)
    path = bench.home / "hsm" / ESN / "making" / "big.rows"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    bench.restart()
    session = bench.session()

    resumed = answer(session, m.ResumeLms(label="big"))

    assert resumed.remaining == STEPS - 2
    assert sign(session, go_on(session, resumed.handle)[-1].public_key).leaf == 0


def test_a_damaged_head_is_refused_and_kept(bench: Bench) -> None:
    """A half-made key whose head was damaged is not guessed at; replacing it is the way on."""
    session = bench.session()
    go_on(session, begin(session).handle, 2)
    path = bench.home / "hsm" / ESN / "making" / "big.key"
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)
    bench.restart()
    session = bench.session()

    refused = answer(session, m.ResumeLms(label="big"))

    assert refused.status is Status.Malformed
    assert "checksum" in refused.detail
    assert path.read_bytes() == data
    assert isinstance(begin(session, replace=True), m.LmsStarted)

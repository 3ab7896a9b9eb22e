"""A store that is closed or has failed changes nothing any more, whatever is asked; and limits hold
to the unit.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.stores import KINDS, Kind
from state.bench import Bench
from state.operations import AWAITED, KEY, NOW, OPERATIONS, prepare, state_of
from state.orders import DAY, OTHER_Q, Q, awaited, brought, leaf_of, one, refused, signs

from seemachine.state.errors import (
    DiskFull,
    FileExists,
    LeaseSpent,
    StateCorrupt,
    StateError,
    StateFailed,
    StateLocked,
)
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.store import Retention
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.records import StoredLease

CHECK = {"check": lambda store, _who: store.check_install(lease(9))}
ASKED = {what: ask for what, ask in (OPERATIONS | CHECK).items() if what != "close"}
FAILED = "an earlier write did not become durable; restart the machine once the disk is in order"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> MirroredStore:
    """A store of each kind with something to do for everybody."""
    kind: Kind = request.param
    store = kind.open(tmp_path)
    prepare(store)
    store._clock = lambda: NOW
    return store


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_refused(store: MirroredStore, what: str, sentence: str, folder: Path) -> None:
    """It raises StateFailed with that sentence; memory, disk and witness stay as they are."""
    notes: list[object] = []
    store._witness.note = lambda *note: notes.append(note)  # type: ignore[method-assign]
    store._witness.vouch = notes.append  # type: ignore[method-assign]
    before, on_disk = (
        (store._files.copy(), list(store._spent), dict(store._awaited), store.doubt),
        bytes_of(folder),
    )
    with pytest.raises(StateFailed) as refusal:
        ASKED[what](store, b"late".ljust(16))
    assert str(refusal.value) == sentence
    assert (store._files, store._spent, store._awaited, store.doubt) == before
    assert bytes_of(folder) == on_disk
    assert notes == []


def reads_memory(store: MirroredStore, what: str) -> bool:
    """The ledger of a store that forgets anyway is a list in memory, which nothing spoils."""
    return isinstance(store, MemoryStore) and what == "ledger"


@contextlib.contextmanager
def no_room(store: MirroredStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk is full meanwhile."""

    def fail(_changes: object) -> None:
        raise DiskFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", fail)
        yield


@pytest.mark.parametrize("what", ASKED)
def test_a_closed_store_does_nothing(prepared: MirroredStore, what: str, tmp_path: Path) -> None:
    """A thread that comes late finds what the next process has as it was."""
    prepared.close()
    if not reads_memory(prepared, what):
        is_refused(prepared, what, "the store is closed", tmp_path)


@pytest.mark.parametrize("what", ASKED)
def test_a_failed_store_does_nothing(
    prepared: MirroredStore, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a write of which nobody knows whether it is on the disk, whatever was asked then."""

    def fail(_changes: object) -> None:
        raise StateFailed("broken")

    with monkeypatch.context() as patch:
        patch.setattr(prepared, "_write", fail)
        with pytest.raises(StateFailed, match="broken"):
            take(prepared, [name(KEY)])
    if not reads_memory(prepared, what):
        is_refused(prepared, what, FAILED, tmp_path)
    prepared.close()


def test_closing_again_does_nothing(bench: Bench) -> None:
    """Nor does it let go of what a successor holds by now."""
    store = bench.begun(1)
    store.close()
    released = []
    store._witness.release = lambda: released.append(1)  # type: ignore[method-assign]
    store.close()
    assert released == []
    bench.store = None


def test_a_refused_lease_is_not_claimed(bench: Bench) -> None:
    """A witness may take a claim for good: it is told of a lease that comes, and of none that does
    not.
    """
    store = bench.open()
    claimed: list[int] = []
    store._witness.claim = lambda _name, first, _end: claimed.append(first)  # type: ignore[method-assign]
    store.install(lease(1, 0, 32))
    with pytest.raises(FileExists):
        store.install(lease(1, 32, 64))
    assert claimed == [0]


def test_a_skip_comes_after_what_found_no_room(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written later, the leaf of before would take the place of the one that a person chose."""
    store = kind.open(tmp_path)
    store.install(lease())
    with no_room(store, monkeypatch), pytest.raises(DiskFull):
        take(store, [name()])
    store.skip(name(), 20)
    assert leaves(take(store, [name()])) == [20]
    store.close()


def test_a_lease_comes_in_after_what_found_no_room(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written later, the end of the lease before it would take the new one away."""
    store = kind.open(tmp_path)
    store.install(lease(end=1))
    with no_room(store, monkeypatch), pytest.raises(DiskFull):
        take(store, [name()])
    store.install(lease(first=1, end=2))
    assert leaves(take(store, [name()])) == [1]
    store.close()


def test_a_lease_is_claimed_before_it_is_there(bench: Bench) -> None:
    """Two machines may have the same card: who is refused by the witness has no leaf of it, not
    for a moment.
    """
    store = bench.open()
    present: list[bool] = []

    def claim(name: bytes, _first: int, _end: int) -> None:
        present.append(store.get(name) is not None)
        raise StateLocked("another machine has it")

    store._witness.claim = claim  # type: ignore[method-assign]
    with pytest.raises(StateFailed):
        store.install(lease(1))
    assert present == [False]
    assert store.get(name(1)) is None


def test_the_witness_hears_of_what_can_be_used(bench: Bench) -> None:
    """Before a leaf is taken; a file in quarantine gives none, so nobody hears of it."""
    store = bench.open()
    for key in (1, 2):
        store.install(lease(key))
    store.quarantine(name(2), "a copy")
    told: list[bytes] = []
    store._witness.vouch = lambda uses: told.extend(use.name for use in uses)  # type: ignore[method-assign]
    answers = store.reserve([order(name(1)), order(name(2))])
    assert leaf_of(answers[0]) == 0
    assert isinstance(answers[1], StateError)
    assert told == [name(1)]


class TestLimits:
    """To the unit."""

    def test_so_many_files(self) -> None:
        """4096 keys at once, and no more until one is used up."""
        store = MemoryStore()
        store.install(lease(1))
        file = store._files.pop(name(1))
        store._files.update({b"%011d" % number: file for number in range(4095)})
        store.install(lease(2, end=1))
        with pytest.raises(FileExists, match="it holds 4096 files"):
            store.install(lease(3))
        take(store, [name(2)])
        store.install(lease(3))

    def test_so_many_leaves_wait_for_a_digest(self) -> None:
        """4096; the one that has waited longest is burned for the next."""
        store = MemoryStore()
        store.install(lease(end=8192))
        orders = [awaited(name()) for _ in range(4096)]
        store.reserve(orders)
        assert signs(store, orders[0], [Q]) == {b"Q" * 32}
        store.reserve([awaited(name()), awaited(name())])
        assert not signs(store, orders[1], [Q])
        assert signs(store, orders[2], [Q])

    @pytest.mark.parametrize(("age", "waits"), [(DAY * 1000, True), (DAY * 1000 + 1, False)])
    def test_a_leaf_waits_as_long_as_its_row_is_kept(self, age: int, waits: bool) -> None:
        """A day to the millisecond."""
        store = MemoryStore(Retention(ledger_days=1))
        store.install(lease())
        store._clock = lambda: NOW
        wish = awaited(name())
        store.reserve([wish])
        store._now = lambda: NOW * 1000 + age  # type: ignore[method-assign]
        store.tidy()
        assert bool(signs(store, wish, [Q])) is waits

    @pytest.mark.parametrize(("age", "kept"), [(3_600_000 - 1, True), (3_600_000, False)])
    def test_a_used_up_lease_is_kept_so_long(self, age: int, kept: bool) -> None:
        """An hour to the millisecond."""
        store = MemoryStore(Retention(retry_seconds=3600))
        store.install(lease(end=1))
        store._clock = lambda: NOW
        wish = order(name())
        store.reserve([wish])
        store._now = lambda: NOW * 1000 + age  # type: ignore[method-assign]
        store.tidy()
        assert isinstance(one(store, wish), StateError) is not kept

    @pytest.mark.parametrize(("first", "second"), [((0, 32), (32, 64)), ((32, 64), (0, 32))])
    def test_the_lease_beside_a_noted_one(
        self, bench: Bench, first: tuple[int, int], second: tuple[int, int]
    ) -> None:
        """What the witness noted of a lease says nothing of its neighbours, on either side."""
        store = bench.open()
        store.install(lease(1, *first))
        store.delete(name())
        store.install(lease(1, *second))
        assert leaves(take(store, [name()])) == [second[0]]

    @pytest.mark.parametrize("first", [(1 << 25) - 8, (1 << 25) - 1])
    def test_the_last_lease_of_the_largest_tree(self, first: int) -> None:
        """Height 25; a leaf after the last is none."""
        end = 1 << 25
        assert lease(first=first, end=end).end == end
        with pytest.raises(StateCorrupt, match="the range of leaves is not one"):
            lease(first=end, end=end + 8)

    @pytest.mark.parametrize(("size", "fits"), [(64, True), (65, False)])
    def test_the_hash_of_a_signer(self, size: int, fits: bool) -> None:
        """64 bytes, those of SHA-512."""
        good = lease()
        values = (good.public_key, good.first, good.end, good.seed, good.path, b"s" * size)
        if fits:
            assert StoredLease(*values).signer == b"s" * size
        else:
            with pytest.raises(StateCorrupt, match="too long"):
                StoredLease(*values)

    @pytest.mark.parametrize(("leaf", "taken"), [(5, False), (6, True), (32, True), (33, False)])
    def test_where_a_file_may_go_on(
        self, kind: Kind, tmp_path: Path, leaf: int, taken: bool
    ) -> None:
        """After the next leaf, up to the end of its lease."""
        store = kind.open(tmp_path)
        store.install(lease())
        take(store, [name()] * 5)
        store.quarantine(name(), "why")
        if taken:
            store.skip(name(), leaf)
            assert leaves(take(store, [name()])) == ([leaf] if leaf < 32 else [None])
        else:
            with pytest.raises(LeaseSpent):
                store.skip(name(), leaf)
        store.close()

    @pytest.mark.parametrize(("floor", "following"), [(4, 5), (6, 6), (31, 31), (32, None)])
    def test_how_far_a_file_is_put_forward(
        self, kind: Kind, tmp_path: Path, floor: int, following: int | None
    ) -> None:
        """Never back; at the end of its lease it is gone."""
        store = kind.open(tmp_path)
        store.install(lease())
        take(store, [name()] * 5)
        store.put_back("put back", {name(): floor})
        file = store.get(name())
        assert (file.next if file else None) == following
        store.close()


def test_a_doubt_stays_the_first_one(prepared: MirroredStore) -> None:
    """What was put back twice has the reason of the first time, for the NVRAM and for each file in
    quarantine by then.
    """
    prepared.quarantine(name(KEY), "mine")
    prepared.put_back("first", {})
    prepared.put_back("second", {})
    assert prepared.doubt == "first"
    assert {each.quarantine for each in prepared._files.values()} == {"mine", "first"}
    prepared.close()


def test_who_asks_by_another_name_binds_nothing(prepared: MirroredStore) -> None:
    """A digest under the token of another file's leaf is refused, and the leaf still waits."""
    with pytest.raises(StateError):
        prepared.bind(brought(awaited(name(2), AWAITED), OTHER_Q))
    assert leaf_of(prepared.bind(brought(awaited(name(KEY), AWAITED), Q))) == 0
    prepared.close()


def test_all_is_seen(prepared: MirroredStore) -> None:
    """What these tests compare has everything that an operation changes."""
    seen = state_of(prepared)
    assert refused(prepared.reserve([order(name(KEY), AWAITED)])[0])
    assert state_of(prepared) == seen
    take(prepared, [name(KEY)])
    assert state_of(prepared) != seen
    prepared.close()


def test_a_leaf_that_was_not_given_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its reservation did not become durable, a digest for it is refused."""
    store, wish = MemoryStore(), awaited(name())
    store.install(lease())
    with no_room(store, monkeypatch), pytest.raises(DiskFull):
        store.reserve([wish])
    assert wish.token not in store._awaited
    assert not signs(store, wish, [Q])

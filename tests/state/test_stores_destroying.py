"""The end of a key in an NVRAM: nothing there can sign with it any more, whatever breaks."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.faults import Disk, at_every_place
from kit.leases import lease, name, order, take
from state.bench import Bench, gives_nothing

from seemachine.state.errors import LeaseGone, LeaseSpent, StateFailed, TokenSpent
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.records import StoredLease


def used_up(store: MirroredStore, of: StoredLease) -> bytes:
    """Have all leaves of a lease used; the token of the last one."""
    store.install(of)
    tokens = [os.urandom(16) for _ in range(of.end - of.first)]
    store.reserve([order(of.name, token) for token in tokens])
    assert store.get(of.name) is None
    return tokens[-1]


class TestDestroying:
    """destroy."""

    def test_its_file_is_gone_and_its_rows_stay(self, store: MirroredStore) -> None:
        """It says how many leaves were left; another key's file stays, and the ledger whole."""
        store.install(lease())
        store.install(lease(2))
        take(store, [name(), name(), name(2)])
        rows = store.ledger(0, 10)

        assert store.destroy(lease().public_key) == 30
        assert store.names() == [name(2)]
        assert store.ledger(0, 10) == rows
        assert take(store, [name()]) == [None]
        assert store.destroy(lease().public_key) == 0

    def test_its_leaves_do_not_come_back(self, store: MirroredStore) -> None:
        """The same lease can't be installed again."""
        store.install(lease())
        store.destroy(lease().public_key)
        with pytest.raises(LeaseSpent):
            store.install(lease())

    def test_it_is_destroyed_in_quarantine_too(self, store: MirroredStore) -> None:
        """A doubt protects nothing."""
        store.install(lease())
        store.quarantine(name(), "a doubt")
        assert store.destroy(lease().public_key) == 32
        assert store.names() == []

    def test_what_is_kept_for_orders_that_come_again_is_gone(self, store: MirroredStore) -> None:
        """Of this key; the same order for another key gets its leaf again."""
        token, other = used_up(store, lease(end=4)), used_up(store, lease(2, end=4))
        store.destroy(lease().public_key)
        again, kept = store.reserve([order(name(), token), order(name(2), other)])
        assert isinstance(again, LeaseGone)
        assert kept.again

    def test_a_leaf_that_waits_for_its_digest_signs_nothing(self, store: MirroredStore) -> None:
        """Though it was handed out."""
        store.install(lease())
        token = os.urandom(16)
        awaited = order(name(), token)
        awaited = type(awaited)(awaited.name, token, b"q", "test")
        store.reserve([awaited])
        store.destroy(lease().public_key)
        with pytest.raises((LeaseGone, TokenSpent)):
            store.bind(order(name(), token))

    def test_another_key_of_the_same_name_stays(self, store: MirroredStore) -> None:
        """A name has 8 bytes of a root: two keys could have the same one."""
        store.install(lease())
        other = lease().public_key[:-1] + bytes([lease().public_key[-1] ^ 1])
        assert store.destroy(other) == 0
        assert store.names() == [name()]


def test_after_a_restart_it_is_gone(reopen: Callable[[], MirroredStore]) -> None:
    """Its file, what was kept for orders that come again, and not its rows."""
    store = reopen()
    token = used_up(store, lease(end=4))
    store.install(lease(first=4, end=8))
    store.destroy(lease().public_key)
    store = reopen()
    assert store.names() == []
    [again] = store.reserve([order(name(), token)])
    assert isinstance(again, LeaseGone)
    assert len(store.ledger(0, 10)) == 4


def test_an_nvram_that_is_put_back_does_not_bring_it_back(bench: Bench) -> None:
    """Within one opening, too: the witness knows that all its leaves are gone."""
    store = bench.begun(1)
    kept = bench.backup()
    assert store.destroy(lease().public_key) == 27
    assert gives_nothing(bench.put_back(kept), 1)


def test_no_file_has_the_seed(reopen: Callable[[], MirroredStore], tmp_path: Path) -> None:
    """Of what was in use, and of what was kept."""
    store = reopen()
    used_up(store, lease(end=4))
    store.install(lease(first=4, end=8))
    store.destroy(lease().public_key)
    reopen().close()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"seed 1 " not in kept


class TestFailing:
    """A disk that fails, or a process that is killed, at each place of the operation in turn."""

    @at_every_place
    def test_a_full_disk(self, disk: Disk) -> None:
        """Nothing of it is used in this process; the next one has all of it or none, and destroys
        it.
        """
        store = disk.open()
        token = used_up(store, lease(end=4))
        store.install(lease(first=4, end=8))
        disk.fail(lambda: store.destroy(lease().public_key), full=True)
        assert take(store, [name()]) == [None]
        store.close()
        store = disk.open()
        assert store.destroy(lease().public_key) in (0, 4)
        assert_gone(store, token)

    @at_every_place
    def test_a_failed_flush(self, disk: Disk) -> None:
        """The machine has to be started again, and destroys it then."""
        store = disk.open()
        token = used_up(store, lease(end=4))
        store.install(lease(first=4, end=8))
        disk.fail(lambda: store.destroy(lease().public_key), full=False)
        with pytest.raises(StateFailed, match="restart the machine"):
            store.destroy(lease().public_key)
        store.close()
        store = disk.open()
        store.destroy(lease().public_key)
        assert_gone(store, token)

    @at_every_place
    def test_a_kill(self, disk: Disk) -> None:
        """What it leaves can be destroyed, and gives no leaf twice."""
        store = disk.open()
        token = used_up(store, lease(end=4))
        store.install(lease(first=4, end=8))
        copy = disk.folder.parent / "copy"
        disk.crash(lambda: store.destroy(lease().public_key), copy)
        store.close()
        store = disk.kind.open(copy)
        store.destroy(lease().public_key)
        assert_gone(store, token)


def assert_gone(store: MirroredStore, token: bytes) -> None:
    """Nothing signs with the key, and its rows are there. Closes the store."""
    [again, more] = store.reserve([order(name(), token), order(name())])
    assert isinstance(again, LeaseGone)
    assert more is None
    assert len(store.ledger(0, 10)) == 4
    store.close()

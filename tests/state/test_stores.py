"""The promises of store.py, kept by every store: each leaf once, and never one that was here
before.
"""

import stat
import threading
from itertools import chain

import pytest
from kit.leases import lease, leaves, name, take
from kit.stores import FILE, SQLITE

from seemachine.state.errors import FileExists, LeaseSpent, StateError
from seemachine.state.nvram import arrivals
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.records import NvramFile, Reserved
from seemachine.wire.names import printed_name


class TestStore:
    """One store, from its opening to its end."""

    def test_it_begins_empty(self, store):
        """A new store has no file, was opened once, and has nothing to give."""
        assert store.names() == []
        assert store.epoch == (0 if isinstance(store, MemoryStore) else 1)
        assert store.get(name()) is None
        assert take(store, [name()]) == [None]

    def test_an_installed_lease_is_a_file(self, store):
        """A file holds its lease as given and stands at the first leaf."""
        store.install(lease(first=16))

        assert store.get(name()) == NvramFile(lease(first=16), 16)
        assert store.get(name(2)) is None

    def test_names_are_sorted(self, store):
        """The names of all files come in order, however they were installed."""
        for key in (3, 1, 2):
            store.install(lease(key))

        assert store.names() == sorted(map(name, (1, 2, 3)))

    def test_leaves_come_one_after_the_other(self, store):
        """Each reservation is the next leaf with the lease that it is of, and says how many are
        left.
        """
        store.install(lease(first=8, end=12))

        taken = [take(store, [name()])[0] for _ in range(4)]
        assert taken == [Reserved(lease(first=8, end=12), leaf, 11 - leaf) for leaf in range(8, 12)]

    def test_a_batch_gives_each_request_its_own_leaf(self, store):
        """In one call over several files every file counts up by itself, in the order of the
        requests.
        """
        store.install(lease(1))
        store.install(lease(2, first=8, end=16))

        assert leaves(take(store, [name(1), name(2), name(1), name(1), name(2)])) == [0, 8, 1, 2, 9]
        assert leaves(take(store, [name(2), name(1)])) == [10, 3]
        assert [store.get(name(key)).next for key in (1, 2)] == [4, 11]

    def test_a_batch_counts_down(self, store):
        """Within one call each reservation says what its file holds after it."""
        store.install(lease(end=8))

        assert [each.remaining for each in take(store, [name()] * 3)] == [7, 6, 5]

    def test_requests_beyond_the_last_leaf_get_none(self, store):
        """More requests than leaves: the first get the leaves, the rest get None, and other files
        are not disturbed.
        """
        store.install(lease(1, end=2))
        store.install(lease(2))

        batch = take(store, [name(1), name(2), name(1), name(1), name(2), name(1), name(3)])
        assert leaves(batch) == [0, 0, 1, None, 1, None, None]

    @pytest.mark.parametrize("batches", [[1, 1, 1, 1], [4], [3, 1], [3, 5]])
    def test_the_last_leaf_deletes_the_file(self, store, batches):
        """However the leaves are taken, with the last one the file is gone and nothing more comes
        of it.
        """
        store.install(lease(first=4, end=8))
        store.install(lease(2))
        taken = [take(store, [name()] * size) for size in batches]

        assert [leaf for leaf in leaves(list(chain(*taken))) if leaf is not None] == [4, 5, 6, 7]
        assert store.get(name()) is None
        assert store.names() == [name(2)]
        assert take(store, [name()]) == [None]

    def test_no_request_takes_nothing(self, store):
        """An empty batch gives an empty list and takes no leaf."""
        store.install(lease())

        assert take(store, []) == []
        assert store.get(name()).next == 0

    @pytest.mark.parametrize(("first", "end"), [(0, 16), (16, 32), (8, 16)])
    def test_a_file_in_use_is_never_replaced(self, store, first, end):
        """While the key has a file, no lease of it comes in, not even of other leaves; the refusal
        names the file and what it holds.
        """
        store.install(lease(first=0, end=16))
        take(store, [name()] * 3)

        for install in (store.check_install, store.install):
            with pytest.raises(
                FileExists, match=f"{printed_name(name())} still holds 13 signatures"
            ):
                install(lease(first=first, end=end))
        assert store.get(name()) == NvramFile(lease(first=0, end=16), 3)

    @pytest.mark.parametrize(
        ("first", "end"), [(8, 16), (0, 16), (0, 32), (8, 12), (12, 16), (15, 16)]
    )
    @pytest.mark.parametrize("gone", ["used up", "deleted"])
    def test_leaves_that_were_here_never_come_back(self, store, gone, first, end):
        """The same range, a part of it or one around it is refused for good, once used up and once
        deleted; nothing is installed.
        """
        store.install(lease(first=8, end=16))
        if gone == "deleted":
            store.delete(name())
        else:
            take(store, [name()] * 8)

        for install in (store.check_install, store.install):
            with pytest.raises(
                LeaseSpent,
                match=(
                    f"leaves {first} to {end - 1} of {printed_name(name())} were in this NVRAM"
                    " before"
                ),
            ):
                install(lease(first=first, end=end))
        assert store.names() == []

    @pytest.mark.parametrize(("first", "end"), [(0, 8), (16, 32), (4, 8), (16, 17)])
    def test_the_next_lease_of_a_key_comes_in(self, store, first, end):
        """Leaves of the same key that were never here are welcome once the file is gone, right
        beside the old ones too.
        """
        store.install(lease(first=8, end=16))
        take(store, [name()] * 8)
        store.install(lease(first=first, end=end))

        assert leaves(take(store, [name()])) == [first]

    def test_a_lease_in_the_middle_is_remembered(self, store):
        """Every lease that ever came is remembered, not only the last one."""
        for first in (0, 8, 16):
            store.install(lease(first=first, end=first + 8))
            take(store, [name()] * 8)

        for first in (0, 8, 16):
            with pytest.raises(LeaseSpent):
                store.install(lease(first=first, end=first + 8))

    def test_an_nvram_has_an_end(self, store, monkeypatch):
        """A full NVRAM takes no further key and says so; once a file is gone there is
        room again.
        """
        monkeypatch.setattr(arrivals, "MAX_FILES", 2)
        store.install(lease(1))
        store.install(lease(2))
        for install in (store.check_install, store.install):
            with pytest.raises(FileExists, match="the NVRAM is full: it holds 2 files"):
                install(lease(3))

        store.delete(name(1))
        store.install(lease(3))
        assert store.names() == sorted(map(name, (2, 3)))

    def test_another_key_has_leaves_of_its_own(self, store):
        """The same range of another key is another range."""
        store.install(lease(1))
        store.install(lease(2))

        assert leaves(take(store, [name(1), name(2)])) == [0, 0]

    def test_asking_first_installs_nothing(self, store):
        """check_install leaves no trace: the lease can still come, once."""
        store.check_install(lease())
        store.check_install(lease())
        assert store.names() == []

        store.install(lease())
        assert store.names() == [name()]

    def test_a_deleted_file_is_gone(self, store):
        """Delete takes one file with its leaves; to delete what is not there is nothing."""
        store.install(lease(1))
        store.install(lease(2))
        store.delete(name(1))
        store.delete(name(1))
        store.delete(name(3))

        assert store.names() == [name(2)]
        assert take(store, [name(1)]) == [None]

    @pytest.mark.parametrize("n", [24, 32])
    def test_leases_come_out_as_they_went_in(self, store, n):
        """Key, range, seed and path are kept byte for byte for both lengths of hash."""
        store.install(lease(n=n))

        assert take(store, [lease(n=n).name])[0].lease == lease(n=n)

    def test_threads_never_share_a_leaf(self, store):
        """Many threads that reserve at once from two files get every leaf exactly once between
        them.
        """
        for key in (1, 2):
            store.install(lease(key, end=64))
        taken: list[list[Reserved | None]] = []
        start = threading.Barrier(8)

        def reserve(size: int) -> None:
            start.wait()
            while any(batch := take(store, [name(1), name(2)] * size)):
                taken.append(batch)

        threads = [threading.Thread(target=reserve, args=(1 + index % 3,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        given = [(each.lease.name, each.leaf) for each in chain(*taken) if each is not None]
        assert len(given) == len(set(given)) == 128

    def test_threads_never_install_twice(self, store):
        """Of many threads that install the same lease at once exactly one succeeds."""
        start, done = threading.Barrier(8), []

        def install() -> None:
            start.wait()
            try:
                store.install(lease())
            except (FileExists, LeaseSpent):
                return
            done.append(True)

        threads = [threading.Thread(target=install) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert done == [True]


class TestAfterReopening:
    """What a durable store says when it was closed and opened again."""

    def test_the_next_leaf_is_kept(self, reopen):
        """A file goes on behind the last leaf that was taken, with the lease that it had."""
        store = reopen()
        store.install(lease(1))
        store.install(lease(2, first=8, end=16))
        take(store, [name(1)] * 5 + [name(2)])
        store = reopen()

        assert store.names() == sorted([name(1), name(2)])
        assert store.get(name(1)) == NvramFile(lease(1), 5)
        assert leaves(take(store, [name(1), name(2)])) == [5, 9]

    def test_an_untouched_file_is_kept(self, reopen):
        """A lease that nobody used yet is there from its first leaf."""
        reopen().install(lease(first=16))

        assert reopen().get(name()) == NvramFile(lease(first=16), 16)

    @pytest.mark.parametrize("gone", ["used up", "deleted"])
    def test_what_is_gone_stays_gone(self, reopen, gone):
        """A file that was used up or deleted does not come back, and its leaves are
        still refused.
        """
        store = reopen()
        store.install(lease(end=4))
        if gone == "deleted":
            store.delete(name())
        else:
            take(store, [name()] * 4)
        store = reopen()

        assert store.names() == []
        for end in (4, 8, 2):
            with pytest.raises(LeaseSpent):
                store.install(lease(end=end))

    def test_a_file_in_use_is_still_refused(self, reopen):
        """The key's file stands in the way of another lease after the opening as before."""
        reopen().install(lease(end=16))

        with pytest.raises(FileExists):
            reopen().install(lease(first=16))

    def test_the_epoch_counts_openings(self, reopen):
        """The epoch rises by one with each opening, whatever else happens."""
        assert [reopen().epoch for _ in range(4)] == [1, 2, 3, 4]

    def test_the_state_is_private(self, reopen, tmp_path):
        """Nobody but the owner may read any file with a seed in it."""
        reopen().install(lease())

        seed = lease().seed
        holding = [
            path for path in tmp_path.rglob("*") if path.is_file() and seed in path.read_bytes()
        ]
        assert holding
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in holding} == {0}


@pytest.mark.parametrize("kind", [SQLITE, FILE], ids=lambda kind: kind.name)
def test_a_closed_store_gives_nothing(kind, tmp_path):
    """After close every change is refused with a StateError: a thread that comes late can't take
    leaves that the next process also has.
    """
    late = kind.open(tmp_path)
    late.install(lease())
    late.close()
    store = kind.open(tmp_path)
    try:
        for change in (
            lambda: take(late, [name()]),
            lambda: late.install(lease(2)),
            lambda: late.delete(name()),
        ):
            with pytest.raises(StateError):
                change()
        assert leaves(take(store, [name()])) == [0]
    finally:
        store.close()

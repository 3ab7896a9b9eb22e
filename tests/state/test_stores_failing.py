"""Writes that fail: leaves may be lost, none comes twice, and what is not known to be safe is
refused.
"""

import json
import subprocess
from itertools import chain, pairwise
from pathlib import Path

import pytest
from kit.faults import Disk, Fault, FaultyDatabase, at_every_place, sqlite_error
from kit.leases import lease, leaves, name, take
from kit.stores import DURABLE, MEMORY, SQLITE
from state.killing import child

from seemachine.state.errors import DiskFull, LeaseSpent, StateError, StateFailed

BOTH = pytest.mark.parametrize("full", [True, False], ids=["full", "broken"])


@pytest.fixture
def disk(durable_kind, tmp_path, monkeypatch):
    """A disk that fails on demand, for each durable store."""
    return Disk(durable_kind, tmp_path, monkeypatch)


class TestDiskFull:
    """No room: what was asked for is lost, everything else goes on."""

    @at_every_place
    def test_a_failed_reservation_burns_its_leaves(self, disk):
        """The leaves of the failed batch are never given; the next ones are, at once and after the
        next opening.
        """
        store = disk.open()
        store.install(lease())
        given = leaves(take(store, [name()] * 3))
        error = disk.fail(lambda: take(store, [name()] * 2), full=True)

        assert type(error) is DiskFull
        given += leaves(take(store, [name()] * 2))
        assert given == [0, 1, 2, 5, 6]
        store.close()
        store = disk.open()
        assert leaves(take(store, [name()])) == [7]
        store.close()

    @at_every_place
    def test_restarted_at_once_it_gives_nothing_twice(self, disk):
        """Where the failure is followed by a restart, the burned leaves may return, for nobody had
        them; those given before may not.
        """
        store = disk.open()
        store.install(lease())
        given = leaves(take(store, [name()] * 3))
        disk.fail(lambda: take(store, [name()] * 2), full=True)
        store.close()
        store = disk.open()

        assert leaves(take(store, [name()]))[0] in range(len(given), 6)
        store.close()

    @at_every_place
    def test_a_batch_over_files_fails_as_one(self, disk):
        """A failure in the middle of a batch gives nobody a leaf, and no file loses its place."""
        store = disk.open()
        for key in (1, 2, 3):
            store.install(lease(key))
        disk.fail(lambda: take(store, [name(3), name(1), name(2), name(1)]), full=True)

        assert leaves(take(store, [name(1), name(2), name(3)])) == [2, 1, 1]
        store.close()
        store = disk.open()
        assert leaves(take(store, [name(1), name(2), name(3)])) == [3, 2, 2]
        store.close()

    @at_every_place
    def test_a_failed_last_leaf_ends_the_file(self, disk):
        """When the write that takes the last leaf fails the file is gone in this process; a restart
        may bring back that leaf alone.
        """
        store = disk.open()
        store.install(lease(end=4))
        take(store, [name()] * 3)
        disk.fail(lambda: take(store, [name()]), full=True)

        assert take(store, [name()]) == [None]
        with pytest.raises(LeaseSpent):
            store.install(lease(end=4))
        store.close()
        store = disk.open()
        assert leaves(take(store, [name()] * 2)) in ([3, None], [None, None])
        store.close()

    @at_every_place
    def test_a_failed_install_leaves_one_lease_at_most(self, disk):
        """A lease whose installation failed is not used in this process; afterwards it is there
        once, or can come once, or is lost.
        """
        store = disk.open()
        error = disk.fail(lambda: store.install(lease(end=4)), full=True)

        assert type(error) is DiskFull
        assert store.names() == []
        assert take(store, [name()]) == [None]
        store.close()
        store = disk.open()
        given = leaves(take(store, [name()] * 5))
        try:
            store.install(lease(end=4))
        except LeaseSpent:
            pass
        else:
            given += leaves(take(store, [name()] * 5))
        given = [leaf for leaf in given if leaf is not None]
        assert given in ([], [0, 1, 2, 3])
        store.close()

    @at_every_place
    def test_a_failed_deletion_gives_nothing_twice(self, disk):
        """When deleting fails the file is gone in this process, and comes back after a restart
        behind the last leaf, if at all.
        """
        store = disk.open()
        store.install(lease())
        take(store, [name()] * 3)
        disk.fail(lambda: store.delete(name()), full=True)

        assert take(store, [name()]) == [None]
        store.close()
        store = disk.open()
        assert leaves(take(store, [name()])) in ([3], [None])
        store.close()


def assert_stopped(store):
    """Every change is refused, again and again; what is known can still be read.

    Closes the store.
    """
    before = store.get(name())
    for change in (
        lambda: take(store, [name()]),
        lambda: store.install(lease(3)),
        lambda: store.delete(name()),
    ) * 2:
        with pytest.raises(StateFailed, match="restart the machine once the disk is in order"):
            change()
    assert store.get(name()) == before
    assert store.get(name(3)) is None
    store.close()


class TestOtherFailures:
    """A flush that failed for any other reason: nobody knows what the disk holds, so this process
    changes nothing any more.
    """

    @at_every_place
    def test_a_failed_reservation_stops_the_store(self, disk):
        """After a reservation that failed every change is refused with a sentence about
        restarting.
        """
        store = disk.open()
        store.install(lease())
        error = disk.fail(lambda: take(store, [name()]), full=False)

        assert type(error) is StateFailed
        assert_stopped(store)

    @at_every_place
    def test_a_failed_install_stops_the_store(self, disk):
        """After an installation that failed every change is refused, and the lease is not used."""
        store = disk.open()
        store.install(lease())
        error = disk.fail(lambda: store.install(lease(2)), full=False)

        assert type(error) is StateFailed
        assert store.names() == [name()]
        assert_stopped(store)

    @at_every_place
    def test_a_failed_deletion_stops_the_store(self, disk):
        """After a deletion that failed every change is refused, and the file is not used."""
        store = disk.open()
        store.install(lease(1))
        store.install(lease(2))
        error = disk.fail(lambda: store.delete(name(2)), full=False)

        assert type(error) is StateFailed
        assert store.names() == [name()]
        assert_stopped(store)

    @at_every_place
    def test_no_leaf_comes_twice_after_reopening(self, disk):
        """Whether or not the failed write reached the disk, the next opening goes on behind every
        leaf that was given.
        """
        store = disk.open()
        store.install(lease())
        take(store, [name()] * 3)
        disk.fail(lambda: take(store, [name()] * 2), full=False)
        store.close()
        store = disk.open()

        assert leaves(take(store, [name()]))[0] in (3, 4, 5)
        store.close()

    def test_the_failure_names_the_file(self, disk, tmp_path):
        """The sentence says which disk to look at and what the system said."""
        store = disk.open()
        store.install(lease())
        error = disk.fail(lambda: take(store, [name()]), full=False)

        assert str(error).startswith(str(tmp_path))
        assert "error" in str(error).partition(": ")[2]
        store.close()


@BOTH
def test_memory_keeps_the_same_order(full, monkeypatch):
    """The order of the shared part needs no disk: taken off in memory, written, handed out.

    A failed write hands out nothing, and comes before the next one when it found no room.
    """
    store = MEMORY.open(Path())
    store.install(lease())
    fault = Fault()
    fault.arm(0, full=full)
    seen = []

    def write(changes):
        seen.append((store.get(name()).next, changes.files[name()].next))
        fault.strike(lambda full: DiskFull("full") if full else StateFailed("broken"))

    monkeypatch.setattr(store, "_write", write)
    with pytest.raises(DiskFull if full else StateFailed):
        take(store, [name()])

    assert seen == [(1, 1)]
    if full:
        assert leaves(take(store, [name()])) == [1]
        assert seen == [(1, 1), (1, 1), (2, 2)]
    else:
        with pytest.raises(StateFailed, match="restart"):
            take(store, [name()])
        assert seen == [(1, 1)]


def test_somebody_else_changed_the_database(tmp_path):
    """A stored leaf that is not behind the one to be taken means a second writer: refused, and
    everything after it.
    """
    store = SQLITE.open(tmp_path)
    store.install(lease())
    store._database.execute("UPDATE nvram SET next = 9")

    with pytest.raises(StateFailed, match="somebody else changed this file"):
        take(store, [name()])
    with pytest.raises(StateFailed, match="restart"):
        take(store, [name()])
    store.close()


def test_a_database_that_may_not_grow(tmp_path):
    """SQLite's own limit: when the file may take no more pages new leases are DiskFull, and the
    files that are there go on.
    """
    store = SQLITE.open(tmp_path)
    store._database.execute("PRAGMA max_page_count = 6")
    with pytest.raises(DiskFull, match="full"):
        list(map(store.install, map(lease, range(1, 1000))))

    installed = len(store.names())
    assert installed
    assert leaves(take(store, list(map(name, range(1, installed + 1))))) == [0] * installed
    store._database.execute("PRAGMA max_page_count = 1000")
    store.install(lease(installed + 1))
    store.close()


def test_asking_first_is_told_of_the_failure(disk):
    """After a failed flush check_install says what install would say, so that no card loses a lease
    to a store that can't take it.
    """
    store = disk.open()
    store.install(lease())
    disk.fail(lambda: take(store, [name()]), full=False)
    try:
        with pytest.raises(StateFailed, match="restart"):
            store.check_install(lease(2))
    finally:
        store.close()


@pytest.mark.parametrize("gone", ["used up", "deleted"])
def test_the_next_lease_comes_in_after_a_full_disk(disk, gone):
    """A file that is gone in this process is no obstacle to the key's next lease, even if the disk
    had no room to delete it.
    """
    store = disk.open()
    store.install(lease(end=4))
    take(store, [name()] * 3)
    disk.fail(
        lambda: take(store, [name()]) if gone == "used up" else store.delete(name()), full=True
    )
    try:
        store.install(lease(first=4, end=8))
        assert leaves(take(store, [name()])) == [4]
    finally:
        store.close()


class NoWayBack(FaultyDatabase):
    """A connection on a disk so broken that the rollback fails too."""

    def rollback(self):
        """Fail like the commit."""
        raise sqlite_error(False)


def test_a_failed_rollback_is_a_failure_like_any_other(tmp_path):
    """When commit and rollback both fail the store says StateFailed and refuses everything after
    it.
    """
    store = SQLITE.open(tmp_path)
    store.install(lease())
    fault, database = Fault(), store._database
    store._database = NoWayBack(database, fault)
    fault.arm(2, full=False)
    try:
        with pytest.raises(StateFailed, match="disk I/O error"):
            take(store, [name()])
        with pytest.raises(StateFailed, match="restart"):
            take(store, [name()])
    finally:
        database.close()


def test_a_failed_look_is_a_state_error(tmp_path):
    """When SQLite can't read the ranges the refusal is one of this room's errors and nothing is
    installed.
    """
    store = SQLITE.open(tmp_path)
    store._database.execute("DROP TABLE installed")
    try:
        with pytest.raises(StateError, match="installed"):
            store.install(lease())
        assert store.names() == []
    finally:
        store.close()


def fill(how, kind, folder):
    """Run the child that writes until it can't.

    Returns what it gave, in three parts, and what it was refused.
    """
    process = child(
        "fill",
        how,
        kind.name,
        folder,
        within=("unshare", "--map-root-user", "--mount") if how == "mounted" else (),
    )
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return json.loads(output)


def may_mount(folder):
    """Whether this system lets its users have small disks of their own."""
    try:
        command = [
            "unshare",
            "--map-root-user",
            "--mount",
            "mount",
            "-t",
            "tmpfs",
            "-o",
            "size=256k",
            "none",
            str(folder),
        ]
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize("kind", DURABLE, ids=lambda kind: kind.name)
def test_a_disk_that_is_really_full(kind, tmp_path):
    """On a small disk filled to the brim leaves are refused as DiskFull; with room again the same
    process goes on, and none comes twice.
    """
    if not may_mount(tmp_path):
        pytest.skip("this system lets nobody mount a small disk")
    told = fill("mounted", kind, tmp_path)

    assert told["refused"] == ["DiskFull"]
    assert [len(part) for part in told["given"]][1:] == [5, 5]
    given = list(chain(*told["given"]))
    assert given[:5] == [0, 1, 2, 3, 4]
    assert all(before < after for before, after in pairwise(given))


@pytest.mark.parametrize("kind", DURABLE, ids=lambda kind: kind.name)
def test_a_system_that_refuses_to_write(kind, tmp_path):
    """When the system itself cuts a write short no leaf is given for it and none comes twice, in
    this process or the next.
    """
    told = fill("cut", kind, tmp_path)

    assert told["refused"][0] in ("DiskFull", "StateFailed")
    assert [len(part) for part in told["given"]] == [
        5,
        5 if told["refused"] == ["DiskFull"] else 0,
        5,
    ]
    given = list(chain(*told["given"]))
    assert all(before < after for before, after in pairwise(given))

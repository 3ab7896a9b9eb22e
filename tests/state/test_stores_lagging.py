"""What is known only in memory, or only in a row that may be pruned, is not durable: nothing is
answered from it, nothing destroyed.
"""

import shutil
from itertools import count
from pathlib import Path

import pytest
from kit.faults import Disk, NoSuchPlace, at_every_place, os_error
from kit.leases import lease, leaves, name, order, take
from kit.stores import FILE, Kind, quick_folder, witnessed
from state.orders import DAY, later, leaf_of, one, rows

from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram import file
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.ledger import Order
from seemachine.state.nvram.store import Retention
from seemachine.state.records import Reserved
from seemachine.state.witness.folder import FolderWitness


def forget(store: MirroredStore) -> None:
    """Let two days pass, and the ledger forget what was before."""
    store._keep = Retention(retry_seconds=1, ledger_days=1)
    later(store, 2 * DAY)
    store.tidy()


def found_later(kind: Kind, folder: Path) -> list[int]:
    """The leaves that a start finds in a copy of what lies in a folder now, once its ledger has
    forgotten all.
    """
    with quick_folder() as place:
        store = kind.open(Path(shutil.copytree(folder, place / "copy")))
        forget(store)
        store.close()
        store = kind.open(place / "copy")
        given = leaves(take(store, [name()] * 33))
        store.close()
        return [leaf for leaf in given if leaf is not None]


def answered(store: MirroredStore, *wishes: Order) -> list[int]:
    """The leaves that orders got, of those that got one."""
    return [answer.leaf for answer in store.reserve(list(wishes)) if isinstance(answer, Reserved)]


class TestARowAlone:
    """A leaf that for a while only the ledger knew stays gone when the ledger has forgotten it.

    Each with the last leaf too.
    """

    @pytest.mark.parametrize("end", [4, 32])
    def test_after_a_kill(self, durable_kind, monkeypatch, end):
        """A reservation is killed at each place, the order asked again, the ledger forgets: no leaf
        that was answered is there.
        """

        @at_every_place
        def everywhere(_self, disk):
            store, wish, copy = disk.open(), order(name()), disk.folder.with_name("left")
            store.install(lease(end=end))
            given = leaves(take(store, [name()] * 3))
            disk.crash(lambda: one(store, wish), copy)
            store.close()
            store = disk.kind.open(copy)
            given += answered(store, wish)
            for _ in range(2):
                assert not set(given) & set(found_later(disk.kind, copy))
                forget(store)
            store.close()

        everywhere(self, durable_kind, monkeypatch)

    @pytest.mark.parametrize("end", [4, 32])
    @pytest.mark.parametrize("again", [True, False], ids=["asked again", "not asked again"])
    def test_after_a_full_disk(self, durable_kind, monkeypatch, end, again):
        """The disk is full at each place of a reservation, then has room: no leaf that was
        answered, or is in the ledger, comes back.
        """

        @at_every_place
        def everywhere(_self, disk):
            store, wish = disk.open(), order(name())
            store.install(lease(end=end))
            given = leaves(take(store, [name()] * 3))
            disk.fail(lambda: one(store, wish), full=True)
            given += answered(store, wish) if again else []
            assert not set(given) & set(found_later(disk.kind, disk.folder))
            given += [row.leaf for row in rows(store)]
            forget(store)
            assert not set(given) & set(found_later(disk.kind, disk.folder))
            store.close()

        everywhere(self, durable_kind, monkeypatch)


class TestTheStart:
    """What a start reads from the ledger is written and noted before anything is built on it."""

    def test_the_file(self, tmp_path):
        """Without its ledger the next process would go on there too."""
        store = FILE.open(tmp_path)
        store.install(lease())
        path = store._path(name())
        behind = path.read_bytes()
        take(store, [name()] * 3)
        store.close()
        path.write_bytes(behind)
        FILE.open(tmp_path).close()
        (tmp_path / "nvram" / "ledger").unlink()

        assert found_later(FILE, tmp_path)[0] == 3

    def test_rows_of_others(self, tmp_path):
        """Each file goes on after the highest of its own rows: not of another file, nor of a lease
        of the same key from before.
        """
        store = FILE.open(tmp_path)
        for each in (lease(1, end=16), lease(2), lease(3)):
            store.install(each)
        take(store, [name(1)] * 16)
        store.install(lease(1, first=16, end=32))
        kept = {path: path.read_bytes() for path in map(store._path, map(name, (1, 2, 3)))}
        take(store, [name(2), name(3), name(2)])
        store.close()
        for path, data in kept.items():
            path.write_bytes(data)
        store = FILE.open(tmp_path)

        assert leaves(take(store, [name(key) for key in (1, 2, 3)])) == [16, 2, 1]
        store.close()

    def test_the_witness(self, tmp_path, monkeypatch):
        """The witness hears of it as of any other leaf that is gone."""
        store = witnessed(FILE, tmp_path / "hsm")
        store.install(lease(1, end=4))
        store.install(lease(2))
        kept = {path: path.read_bytes() for path in map(store._path, map(name, (1, 2)))}
        # Killed before the witness heard of it.
        monkeypatch.setattr(store._witness, "note", lambda *_: None)
        take(store, [name(1)] * 4 + [name(2)] * 3)
        store.close()
        for path, data in kept.items():
            path.write_bytes(data)
        noted = set()
        monkeypatch.setattr(FolderWitness, "note", lambda _self, *note: noted.add(note))
        witnessed(FILE, tmp_path / "hsm").close()

        assert {(name(1), 0, 4), (name(2), 0, 3)} <= noted


class TestAStartThatFails:
    """What the system refuses at a start is one of this room's errors, which names the folder."""

    @pytest.mark.parametrize(("full", "kind"), [(True, DiskFull), (False, StateFailed)])
    def test_at_every_place(self, tmp_path, monkeypatch, full, kind):
        """Wherever it fails, the next start finds all that was there."""
        disk = Disk(FILE, tmp_path, monkeypatch)
        store = disk.open()
        store.install(lease())
        path = store._path(name())
        behind = path.read_bytes()
        take(store, [name()] * 3)
        store.close()
        for disk.place in count():
            path.write_bytes(behind)
            try:
                error = disk.fail(lambda: FILE.open(tmp_path).close(), full=full)
            except NoSuchPlace:
                break
            assert type(error) is kind
            assert str(error).startswith(str(tmp_path))
        disk.fault.disarm()
        assert disk.place
        assert found_later(FILE, tmp_path)[0] == 3

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        """What is not a folder is not one."""
        (tmp_path / "nvram").write_bytes(b"")
        with pytest.raises(StateFailed, match="nvram: File exists"):
            FILE.open(tmp_path)


class TestAfterAFullDisk:
    """A change that found no room is made before anything else, or nothing is answered."""

    @pytest.fixture
    def disk(self, durable_kind, tmp_path, monkeypatch):
        """A disk that is full on demand."""
        return Disk(durable_kind, tmp_path, monkeypatch)

    def test_no_answer_before_it(self, tmp_path, monkeypatch):
        """While the disk is full an order that the ledger knows waits, like all others and like the
        ledger's forgetting.
        """
        disk = Disk(FILE, tmp_path, monkeypatch, place=2)
        store, wish = disk.open(), order(name())
        store.install(lease())
        disk.fail(lambda: one(store, wish), full=True)
        assert store._ledger.find(wish.token)
        disk.place = 0
        for change in (
            lambda: one(store, wish),
            lambda: take(store, [name()]),
            lambda: store.install(lease(2)),
            store.tidy,
        ):
            assert type(disk.fail(change, full=True)) is DiskFull

        assert leaf_of(one(store, wish)) == 0
        assert found_later(FILE, tmp_path)[0] == 1
        store.close()

    def test_what_was_destroyed_is(self, disk, monkeypatch):
        """A file that found no room to be destroyed is destroyed, and not in memory alone, when
        that is asked again.
        """
        store, real = disk.open(), file.remove_file
        store.install(lease())
        if disk.kind is FILE:
            monkeypatch.setattr(
                file, "remove_file", lambda _path: (_ for _ in ()).throw(os_error(full=True))
            )
            with pytest.raises(DiskFull):
                store.delete(name())
            monkeypatch.setattr(file, "remove_file", real)
        else:
            disk.fail(lambda: store.delete(name()), full=True)
        store.delete(name())

        assert found_later(disk.kind, disk.folder) == []
        store.close()

    def test_what_was_held_is(self, disk):
        """A quarantine that found no room is there for the next process too, once anything was
        answered.
        """
        store = disk.open()
        store.install(lease(1))
        store.install(lease(2))
        disk.fail(lambda: store.quarantine(name(1), "seen elsewhere"), full=True)
        take(store, [name(2)])
        store.close()
        store = disk.open()

        assert store.get(name(1)).quarantine == "seen elsewhere"
        store.close()

    def test_a_doubt_is_not_over_by_half(self, disk):
        """A doubt whose end found no room is there for the next process, whatever was written in
        between.
        """
        store = disk.open()
        store.put_back("put back", {})
        disk.fail(store.end_doubt, full=True)
        store.install(lease())
        store.close()
        store = disk.open()

        assert store.doubt == "put back"
        store.close()

    def test_a_witness_hears_of_it(self, durable_kind, tmp_path, monkeypatch):
        """A leaf that is written late is noted late, and not left out."""
        disk = Disk(durable_kind, tmp_path / "hsm", monkeypatch)
        store = disk.open()
        noted: list[tuple[int, int]] = []
        monkeypatch.setattr(
            store._witness, "note", lambda _name, first, following: noted.append((first, following))
        )
        store.install(lease())
        disk.fail(lambda: take(store, [name()] * 3), full=True)
        store.tidy()

        assert noted == [(0, 3)]
        store.close()

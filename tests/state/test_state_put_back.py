"""An older state of an NVRAM in place of the newer one, or a copy of it: it gives no leaf until a
person decides, and never an old one.
"""

import shutil

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.stores import ESN, FILE, OTHER_ESN, witnessed
from state.bench import Bench, gives_nothing, in_quarantine
from state.orders import Q, awaited, brought, later, leaf_of, one, refused, signs

from seemachine.state.errors import LeaseGone, LeaseQuarantined, LeaseSpent, StateLocked, TokenSpent
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.folder import FolderWitness


class TestPutBack:
    """An older state of the NVRAM in place of the newer one."""

    def test_from_an_earlier_opening(self, bench):
        """All files are in quarantine, also those that nobody used since; the reason says what is
        known.
        """
        bench.begun(1, 2)
        kept = bench.backup()
        take(bench.open(), [name(1)])
        store = bench.put_back(kept)

        assert (
            "opened 2 times as its witness knows, but this one counts 1: it was put back, or copied"
            in store.doubt
        )
        assert in_quarantine(store) == store.names() == sorted(map(name, (1, 2)))
        assert gives_nothing(store, 1, 2)

    def test_nothing_is_signed_again(self, bench):
        """Orders of files that were put back are refused, of those that were used up too;
        reservations take no digest.
        """
        store = bench.begun(1)
        store.install(lease(2, end=2))
        wish, waiting, last = order(name(1)), awaited(name(1)), order(name(2))
        store.reserve([wish, waiting, last, order(name(2))])
        kept = bench.backup()
        bench.open()
        store = bench.put_back(kept)

        assert refused(one(store, wish), LeaseQuarantined)
        assert refused(one(store, last), LeaseGone)
        assert signs(store, waiting, [Q]) == set()

    def test_within_one_opening(self, bench):
        """Killed and put back, the NVRAM has the right count of openings: a file that stood further
        is in quarantine, others are not.
        """
        store = bench.begun(1, 2)
        kept = bench.backup()
        take(store, [name(1)])
        store = bench.put_back(kept)

        assert in_quarantine(store) == [name(1)]
        assert "it stands at leaf 5, but the witness saw it at 6" in store.get(name(1)).quarantine
        assert leaves(take(store, [name(2)])) == [5]

    def test_a_lease_that_was_used_up_since(self, bench):
        """A file that was used up since the backup is in quarantine and can only end."""
        store = bench.begun(1)
        kept = bench.backup()
        take(store, [name(1)] * 27)
        store = bench.put_back(kept)
        assert in_quarantine(store) == [name(1)]
        for leaf in (6, 31):
            with pytest.raises(LeaseSpent, match="from 32 to 32"):
                store.skip(name(1), leaf)
        store.skip(name(1), 32)

        assert store.names() == []
        with pytest.raises(LeaseSpent):
            store.install(lease(1))

    def test_a_lease_that_was_burned_since(self, bench):
        """A file that was destroyed since the backup can only end, too."""
        store = bench.begun(1)
        kept = bench.backup()
        store.delete(name(1))
        store = bench.put_back(kept)

        assert in_quarantine(store) == [name(1)]
        with pytest.raises(LeaseSpent, match="from 32 to 32"):
            store.skip(name(1), 31)

    def test_a_lease_that_was_skipped_to_its_end(self, bench):
        """What a person ended by a skip to the end comes back from no backup."""
        store = bench.begun(1)
        kept = bench.backup()
        store.quarantine(name(1), "a doubt")
        store.skip(name(1), 32)
        store = bench.put_back(kept)

        assert gives_nothing(store, 1)
        with pytest.raises(LeaseSpent, match="from 32 to 32"):
            store.skip(name(1), 31)

    @pytest.mark.parametrize(("first", "end"), [(0, 32), (0, 8), (24, 32)])
    def test_a_lease_comes_back(self, bench, first, end):
        """A lease that came into the NVRAM since the backup is not in it; it, or a part of it, is
        refused all the same.
        """
        store = bench.begun(2)
        kept = bench.backup()
        store.install(lease(1))
        take(store, [name(1)] * 32)
        store = bench.put_back(kept)
        for install in (store.check_install, store.install):
            with pytest.raises(LeaseSpent, match="were in this NVRAM before"):
                install(lease(1, first, end))

        store.install(lease(1, 32, 64))
        assert leaves(take(store, [name(1)])) == [32]

    def test_the_next_lease_instead(self, bench):
        """Put back to the time of an earlier lease of the key, the file gives nothing, and the
        later lease is gone for good.
        """
        store = bench.open()
        store.install(lease(1, 0, 8))
        take(store, [name(1)] * 4)
        kept = bench.backup()
        take(store, [name(1)] * 4)
        store.install(lease(1, 8, 16))
        take(store, [name(1)] * 3)
        store = bench.put_back(kept)

        assert gives_nothing(store, 1)
        store.skip(name(1), 8)
        with pytest.raises(LeaseSpent):
            store.install(lease(1, 8, 16))

    def test_a_digest_that_was_bound_since(self, bench):
        """A leaf that waited for its digest when the backup was made takes none afterwards, for it
        may have signed one.
        """
        store = bench.begun(1)
        waiting = awaited(name(1))
        one(store, waiting)
        kept = bench.backup()
        store.bind(brought(waiting))
        store = bench.put_back(kept)

        assert signs(store, waiting, [b"other" * 6, Q]) == set()
        assert refused(one(store, waiting))

    def test_going_on(self, bench):
        """After a skip the file goes on there, its earlier orders have their leaves, and the next
        opening has no doubt.
        """
        store = bench.begun(1)
        wish = order(name(1))
        one(store, wish)
        kept = bench.backup()
        take(bench.open(), [name(1)] * 4)
        store = bench.put_back(kept)
        with pytest.raises(LeaseSpent, match="from 10 to 32, not 9; never back"):
            store.skip(name(1), 9)
        store.skip(name(1), 10)
        store.end_doubt()
        assert leaves(take(store, [name(1)])) == [10]
        store = bench.open()

        assert store.doubt == ""
        assert leaf_of(one(store, wish)) == 5
        assert leaves(take(store, [name(1)])) == [11]

    def test_the_newer_one_is_not_believed_any_more(self, bench):
        """Once an older NVRAM was opened the newer one, put in its place again, is in quarantine as
        well.
        """
        bench.begun(1)
        older = bench.backup()
        take(bench.open(), [name(1)])
        newer = bench.backup()
        store = bench.put_back(older)
        store.skip(name(1), 20)
        take(store, [name(1)])
        store = bench.put_back(newer)

        assert store.doubt
        assert gives_nothing(store, 1)
        with pytest.raises(LeaseSpent, match="from 21 to 32"):
            store.skip(name(1), 20)

    def test_the_count_never_goes_down(self, bench):
        """Whatever is put back, each opening has a higher number than all before it."""
        backups, epochs = [], []
        for number in range(4):
            epochs.append(bench.open().epoch)
            backups.append(bench.backup())
            epochs.append(bench.put_back(backups[number // 2]).epoch)

        assert epochs == sorted(set(epochs))

    def test_a_single_file(self, tmp_path):
        """Of a file store the record of one file alone put back stands where the ledger says."""
        bench = Bench(FILE, tmp_path)
        store = bench.begun(1)
        [path] = (bench.folder / "nvram").glob("*.nvram")
        kept = path.read_bytes()
        given = leaves(take(store, [name(1)] * 27))
        store.close()
        path.write_bytes(kept)
        store = bench.open()

        assert given[-1] == 31
        assert store.names() == []
        assert take(store, [name(1)]) == [None]
        bench.close()

    @pytest.mark.parametrize("which", ["ledger", "record", "both"])
    def test_parts_of_a_file_store(self, tmp_path, which):
        """Whichever of its files are older than the others, no leaf comes back and no order has
        two.
        """
        bench = Bench(FILE, tmp_path)
        store = bench.begun(1)
        paths = {
            "record": next((bench.folder / "nvram").glob("*.nvram")),
            "ledger": bench.folder / "nvram" / "ledger",
        }
        kept = {each: path.read_bytes() for each, path in paths.items() if which in (each, "both")}
        wishes = [order(name(1)) for _ in range(3)]
        given = leaves(store.reserve(wishes))
        bench.close()
        for each, data in kept.items():
            paths[each].write_bytes(data)
        store = bench.open()
        again = store.reserve([*wishes, *(order(name(1)) for _ in range(3))])

        assert given == [5, 6, 7]
        if which == "both":
            assert all(isinstance(answer, LeaseQuarantined) for answer in again)
        elif which == "ledger":
            assert leaves(again) == [8, 9, 10, 11, 12, 13]
        else:
            assert leaves(again) == [5, 6, 7, 8, 9, 10]
        bench.close()


class TestCopied:
    """The same NVRAM in two places."""

    def test_a_copied_folder(self, bench, tmp_path):
        """A copy of the whole folder is not the folder, though all that is in it is right:
        everything is in quarantine.
        """
        bench.begun(1)
        bench.close()
        copied = tmp_path / "copy"
        shutil.copytree(bench.folder, copied)
        shutil.rmtree(bench.folder)
        copied.rename(bench.folder)
        store = bench.open()

        assert "its folder is not the one that it was in: this is a copy" in store.doubt
        assert gives_nothing(store, 1)

    def test_beside_the_running_one(self, bench, tmp_path):
        """While an NVRAM is in use its copy does not open with the same witness; afterwards it is
        in quarantine.
        """
        store = bench.begun(1)
        shutil.copytree(bench.folder, tmp_path / "copy")
        with pytest.raises(StateLocked, match=f"an NVRAM of {ESN} is in use already"):
            witnessed(bench.kind, tmp_path / "copy")
        assert leaves(take(store, [name(1)])) == [5]
        bench.close()
        copy = witnessed(bench.kind, tmp_path / "copy")

        assert gives_nothing(copy, 1)
        copy.close()

    def test_both_in_turn(self, bench, tmp_path):
        """Copy and original, opened in turn, give no leaf any more: neither knows of the other."""
        bench.begun(1)
        bench.close()
        shutil.copytree(bench.folder, tmp_path / "copy")
        for _ in range(2):
            copy = witnessed(bench.kind, tmp_path / "copy")
            assert gives_nothing(copy, 1)
            copy.close()
            assert gives_nothing(bench.open(), 1)
            bench.close()

    def test_another_machines(self, durable_kind, tmp_path):
        """An NVRAM in the folder of another machine meets a witness that never saw it."""
        stores = {"sqlite": SqliteStore, "file": FileStore}
        witness = FolderWitness(tmp_path / "witness", OTHER_ESN)
        store = stores[durable_kind.name](tmp_path / "one", witness)
        store.install(lease(1))
        store.close()
        for esn in (ESN, OTHER_ESN):
            shutil.copytree(tmp_path / "one", tmp_path / esn)
        store = witnessed(durable_kind, tmp_path / ESN)

        assert "its witness has never seen it" in store.doubt
        assert gives_nothing(store, 1)
        store.close()

    def test_a_new_nvram_for_an_old_machine(self, bench):
        """An NVRAM that begins anew is not a copy; the old one, put back after it, is; what the old
        one had does not come in again.
        """
        bench.begun(1)
        kept = bench.backup()
        empty = bench.home / "empty"
        empty.mkdir()
        store = bench.put_back(empty)
        assert store.doubt == ""
        with pytest.raises(LeaseSpent):
            store.install(lease(1))
        store.install(lease(2))
        store = bench.put_back(kept)

        assert "its witness has never seen it" in store.doubt
        assert gives_nothing(store, 1)


def test_retries_after_a_used_up_lease_was_put_back(bench):
    """A used-up lease that a backup brings back after its time is used for nothing: its file, its
    order and its range are all gone.
    """
    store = bench.open()
    store.install(lease(1, end=2))
    wish = order(name(1))
    store.reserve([wish, order(name(1))])
    kept = bench.backup()
    later(store, 4000)
    store.tidy()
    assert refused(one(store, wish), LeaseGone)
    bench.open()
    store = bench.put_back(kept)

    assert refused(one(store, wish), LeaseGone)
    assert refused(one(store, order(name(1), wish.token, b"another")), TokenSpent)
    with pytest.raises(LeaseSpent):
        store.install(lease(1, end=2))

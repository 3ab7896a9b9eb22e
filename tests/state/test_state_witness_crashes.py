"""An opening that dies: it is written into the NVRAM first, then into the witness, and no doubt is
forgotten on the way.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from kit.faults import Fault, FaultyDatabase, FaultyOs
from kit.leases import lease, leaves, name, order, take
from kit.stores import Kind
from state.bench import Bench, gives_nothing
from state.orders import leaf_of, one, refused

from seemachine.state.disk import durable
from seemachine.state.errors import LeaseGone
from seemachine.state.nvram import database
from seemachine.state.witness.folder import FolderWitness


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
def dying(monkeypatch):
    """Lets an operation die at every place where it writes, in turn: `dying(prepare)` gives a
    number and what to run it with.
    """
    fault = Fault()
    monkeypatch.setattr(durable, "os", FaultyOs(fault))
    connect = database.connect
    monkeypatch.setattr(database, "connect", lambda path: FaultyDatabase(connect(path), fault))

    def kill() -> None:
        raise Killed

    def at(place: int, act: Callable[[], object]) -> bool:
        fault.arm(place, hook=kill)
        try:
            act()
        except Killed:
            return True
        finally:
            fault.disarm()
        return False

    return at


def places(durable_kind: Kind, tmp_path: Path, test: Callable[[Bench, int], bool]) -> None:
    """Run a test at each place, in a folder of its own, until it says that there was no
    such place.
    """
    for place in count():
        (tmp_path / str(place)).mkdir()
        bench = Bench(durable_kind, tmp_path / str(place))
        try:
            if not test(bench, place):
                assert place > 4
                return
        except AssertionError as error:
            error.add_note(f"died at place {place}")
            raise
        finally:
            bench.close()


class TestCrashes:
    """An opening is written into the NVRAM first, then into the witness."""

    def test_an_opening_that_dies(self, durable_kind, tmp_path, dying):
        """Wherever it dies, the next opening has no doubt, and everything is as it was."""

        def test(bench, place):
            store = bench.begun(1)
            wish = order(name(1))
            one(store, wish)
            bench.close()
            died = dying(place, bench.open)
            bench.close()
            store = bench.open()
            assert store.doubt == ""
            assert leaf_of(one(store, wish)) == 5
            assert leaves(take(store, [name(1)])) == [6]
            return died

        places(durable_kind, tmp_path, test)

    def test_a_first_opening_that_dies(self, durable_kind, tmp_path, dying):
        """Wherever the very first one dies, a lease can be installed afterwards, and its leaves are
        given.
        """

        def test(bench, place):
            died = dying(place, bench.open)
            bench.close()
            store = bench.open()
            store.end_doubt()
            store.install(lease(1))
            assert leaves(take(store, [name(1)])) == [0]
            store = bench.open()
            assert store.doubt == ""
            assert leaves(take(store, [name(1)])) == [1]
            return died

        places(durable_kind, tmp_path, test)

    def test_openings_that_die_in_a_row(self, durable_kind, tmp_path, dying):
        """Also several in a row, at the same place: the witness knows the last one that gave
        leaves.
        """

        def test(bench, place):
            bench.begun(1)
            bench.close()
            died = [dying(place, bench.open) or bench.close() for _ in range(3)]
            store = bench.open()
            assert store.doubt == ""
            assert leaves(take(store, [name(1)])) == [5]
            return died[0]

        places(durable_kind, tmp_path, test)

    def test_two_that_both_fit(self, bench, monkeypatch):
        """When an opening died before its witness knew, that NVRAM and its state before are both
        right; one goes on, the other ends.
        """
        bench.begun(1)
        bench.close()
        before = bench.backup()
        with monkeypatch.context() as patch:
            patch.setattr(FolderWitness, "advance", self._die)
            with pytest.raises(Killed):
                bench.open()
        after = bench.backup()
        store = bench.put_back(before)
        assert store.doubt == ""
        assert leaves(take(store, [name(1)])) == [5]
        store = bench.put_back(after)

        assert store.doubt
        assert gives_nothing(store, 1)

    @staticmethod
    def _die(*_arguments: object) -> None:
        raise Killed

    def test_a_doubt_that_dies(self, durable_kind, tmp_path, dying):
        """Wherever the opening of an NVRAM that was put back dies, the next one has the doubt, too,
        and nothing is given.
        """

        def test(bench, place):
            store = bench.begun(1)
            store.install(lease(2, end=1))
            last = order(name(2))
            one(store, last)
            kept = bench.backup()
            take(bench.open(), [name(1)])
            bench.close()
            died = dying(place, lambda: bench.put_back(kept))
            bench.close()
            store = bench.open()
            assert store.doubt
            assert gives_nothing(store, 1)
            assert refused(one(store, last), LeaseGone)
            return died

        places(durable_kind, tmp_path, test)

    def test_a_doubt_stays_until_it_is_settled(self, bench):
        """Opening after opening there is the doubt, until what lies beside the NVRAM was seen to;
        the files stay in quarantine after it.
        """
        bench.begun(1)
        kept = bench.backup()
        bench.open()
        reason = bench.put_back(kept).doubt
        for _ in range(3):
            assert bench.open().doubt == reason
        bench.store.end_doubt()
        assert bench.store.doubt == ""
        store = bench.open()

        assert store.doubt == ""
        assert gives_nothing(store, 1)

    def test_a_doubt_outlives_its_witness(self, bench):
        """A doubt that is not settled is there also when no witness is asked any more."""
        bench.begun(1)
        kept = bench.backup()
        bench.open()
        bench.put_back(kept)
        bench.close()
        store = bench.kind.open(bench.folder)

        assert store.doubt
        assert gives_nothing(store, 1)
        store.close()

    def test_settling_that_dies(self, durable_kind, tmp_path, dying):
        """Wherever settling dies, the doubt is there or settled, and the file in quarantine either
        way.
        """
        outcomes = set()

        def test(bench, place):
            bench.begun(1)
            kept = bench.backup()
            bench.open()
            store = bench.put_back(kept)
            died = dying(place, store.end_doubt)
            store = bench.open()
            outcomes.add(bool(store.doubt))
            assert gives_nothing(store, 1)
            return died

        for place in range(9):
            (tmp_path / str(place)).mkdir()
            bench = Bench(durable_kind, tmp_path / str(place))
            if not test(bench, place):
                bench.close()
                break
            bench.close()
        assert outcomes == {True, False}

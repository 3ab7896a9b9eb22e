"""A ledger that forgets after some days, and what it must not forget with that."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.stores import FILE, SQLITE, Kind
from state.orders import DAY, HOUR, OTHER_Q, awaited, brought, later, leaf_of, one, refused, rows

from seemachine.state.errors import LeaseGone, LeaseSpent, TokenSpent
from seemachine.state.nvram import base, ledger_copy, ledger_file, sqlite
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.ledger import hash_bound
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.store import Retention

OPEN: dict[Kind, Callable[[Path, Retention], MirroredStore]] = {
    SQLITE: lambda folder, keep: SqliteStore(folder, keep=keep),
    FILE: lambda folder, keep: FileStore(folder, keep=keep),
}
SHORT = Retention(retry_seconds=HOUR, ledger_days=1)


class TestPruning:
    """A ledger that forgets after some days."""

    @pytest.fixture
    def store(self, durable_kind, tmp_path):
        """A store that keeps its ledger for a day, with a file."""
        store = OPEN[durable_kind](tmp_path, SHORT)
        store.install(lease())
        yield store
        store.close()

    def old_and_young(self, store, *wishes):
        """Orders of three days ago, and one of today; then what is old goes."""
        store.reserve(list(wishes))
        later(store, 3 * DAY)
        young = order(name())
        one(store, young)
        store.tidy()
        return young

    def test_old_rows_go(self, store):
        """A row that is older is gone, a younger one stays, also for the next process."""
        wish = order(name())
        young = self.old_and_young(store, wish)

        assert [row.token for row in rows(store)] == [young.token]
        assert leaf_of(one(store, young)) == 1

    def test_a_row_is_kept_to_the_last_millisecond(self, store):
        """As old as the limit is not older; nor is the tidying asked to come again."""
        store._clock = lambda: 1_000_000.0
        store.reserve([order(name()), order(name())])
        store._clock = lambda: 1_000_000.0 + DAY
        assert not store.tidy()
        assert len(rows(store)) == 2

    def test_a_forgotten_order_is_a_new_one(self, store):
        """An order that the ledger forgot gets another leaf, never the old one,
        whatever it is for.
        """
        wish = order(name())
        self.old_and_young(store, wish)

        assert leaf_of(one(store, order(name(), wish.token, b"another message"))) == 2
        assert refused(one(store, wish))

    def test_a_forgotten_leaf_takes_no_digest(self, store):
        """A leaf whose row is gone takes no digest any more: there would be nothing that binds it.

        The machine goes on.
        """
        waiting = awaited(name())
        self.old_and_young(store, waiting)
        with pytest.raises(TokenSpent):
            store.bind(brought(waiting))

        assert leaves(take(store, [name()])) == [2]

    def test_a_forgotten_token_is_used_again(self, store):
        """Whatever comes under a token that was forgotten, each leaf has one row and one digest."""
        waiting, digested = awaited(name()), awaited(name())
        store.reserve([digested])
        store.bind(brought(digested))
        self.old_and_young(store, waiting)
        assert leaf_of(one(store, order(name(), waiting.token))) == 3
        with pytest.raises(TokenSpent):
            store.bind(brought(waiting))
        assert leaf_of(one(store, awaited(name(), digested.token))) == 4

        assert store.bind(brought(digested, OTHER_Q)).leaf == 4
        seen = {row.leaf: row.digest for row in rows(store)}
        assert len(seen) == len(rows(store))
        assert seen[4] == hash_bound(OTHER_Q)

    def test_leaves_stay_gone(self, durable_kind, tmp_path):
        """With the ledger forgotten the file still knows where it stands, and what was installed
        stays installed.
        """
        store = OPEN[durable_kind](tmp_path, SHORT)
        store.install(lease(1))
        store.install(lease(2, end=1))
        take(store, [name(1)] * 5)
        take(store, [name(2)])
        for _ in range(2):
            later(store, 3 * DAY)
            take(store, [name(1)])
            store.tidy()
        store.close()
        store = OPEN[durable_kind](tmp_path, SHORT)

        assert len(rows(store)) == 1
        assert leaves(take(store, [name(1)])) == [7]
        with pytest.raises(LeaseSpent):
            store.install(lease(2, end=1))
        store.close()

    def test_a_clock_that_was_wrong(self, durable_kind, tmp_path):
        """Rows of a clock that stood in the future, or in 1970, cost no leaf and bring
        none back.
        """
        store = OPEN[durable_kind](tmp_path, SHORT)
        store.install(lease())
        given = []
        for now in (4e9, 0.0, 2e9, 1e9):
            store._clock = lambda now=now: now
            wish = awaited(name())
            given.append(leaf_of(one(store, wish)))
            store.tidy()
            store.bind(brought(wish))
            store.close()
            store = OPEN[durable_kind](tmp_path, SHORT)

        assert given == [0, 1, 2, 3]
        assert leaves(take(store, [name()])) == [4]
        store.close()


class TestInSteps:
    """However much there is to destroy, others wait for a small part of it at most."""

    @pytest.fixture
    def store(self, tmp_path, monkeypatch):
        """A database that keeps its ledger for a day, with a file, and destroys three things at
        once.
        """
        for module in (base, sqlite):
            monkeypatch.setattr(module, "AT_ONCE", 3)
        store = OPEN[SQLITE](tmp_path, SHORT)
        store.install(lease())
        yield store
        store.close()

    def test_rows(self, store):
        """A few rows go at a time, from the oldest on, and it is said that there are more; those
        that are young stay.
        """
        take(store, [name()] * 8)
        later(store, 3 * DAY)
        take(store, [name()] * 2)
        seen = [(store.tidy(), [row.leaf for row in rows(store)]) for _ in range(4)]

        assert seen == [
            (True, [3, 4, 5, 6, 7, 8, 9]),
            (True, [6, 7, 8, 9]),
            (False, [8, 9]),
            (False, [8, 9]),
        ]

    def test_rows_of_an_idle_machine(self, store):
        """Also without a young row; the newest stays, so that those to come have higher numbers."""
        take(store, [name()] * 4)
        later(store, 3 * DAY)
        while store.tidy():
            pass
        take(store, [name()])

        assert [(number, row.leaf) for number, row in store.ledger(0, 10)] == [(4, 3), (5, 4)]

    def test_as_many_as_a_step(self, store):
        """The end is found where the old rows are as many as go at once, or one more."""
        for number in (3, 4):
            take(store, [name()] * number)
            later(store, 3 * DAY)
            take(store, [name()])
            assert [store.tidy() for _ in range(2)] == [number > 3, False]
            assert len(rows(store)) == 1

    def test_leases(self, store):
        """Leases that were kept for those who ask again go a few at a time too, the
        oldest first.
        """
        for key in range(2, 9):
            store.install(lease(key, end=1))
        wishes = [order(name(key)) for key in range(2, 9)]
        store.reserve(wishes)
        later(store, HOUR)
        seen = [
            (store.tidy(), sum(refused(answer, LeaseGone) for answer in store.reserve(wishes)))
            for _ in range(3)
        ]

        assert seen == [(True, 3), (True, 6), (False, 7)]

    def test_a_ledger_for_ever(self, tmp_path):
        """One that is kept for ever loses nothing, whatever the clock said."""
        store = SqliteStore(tmp_path)
        store.install(lease())
        store._clock = lambda: -DAY
        take(store, [name()] * 2)

        assert not store.tidy()
        assert len(rows(store)) == 2
        store.close()

    def test_a_long_file_in_steps(self, tmp_path, monkeypatch):
        """It is copied a few rows at a time; orders between two steps get their leaves, and those
        that come again the same ones.
        """
        monkeypatch.setattr(ledger_file, "LONG", 8)
        monkeypatch.setattr(ledger_copy, "STEP", 3)
        store = OPEN[FILE](tmp_path, SHORT)
        store.install(lease())
        take(store, [name()] * 9)
        later(store, 3 * DAY)
        wishes = [order(name()) for _ in range(3)]
        given = []
        for wish in wishes:
            given += leaves(store.reserve([wish]))
            assert store.tidy()
        while store.tidy():
            pass
        assert [row.leaf for row in rows(store)] == given == [9, 10, 11]
        assert leaves(store.reserve(wishes)) == given
        store.close()
        store = OPEN[FILE](tmp_path, SHORT)
        assert [row.leaf for row in rows(store)] == given
        assert leaves(take(store, [name()])) == [12]
        store.close()

    def test_a_long_file(self, tmp_path, monkeypatch):
        """A ledger that is one file is written again when more than a quarter of it is old, if it
        is long.
        """
        monkeypatch.setattr(ledger_file, "LONG", 8)
        store = OPEN[FILE](tmp_path, SHORT)
        store.install(lease())
        take(store, [name()] * 2)
        later(store, 3 * DAY)
        take(store, [name()] * 6)
        assert not store.tidy()
        assert len(rows(store)) == 8
        later(store, -3 * DAY)
        take(store, [name()])
        later(store, 3 * DAY)
        store.tidy()
        assert [row.leaf for row in rows(store)] == [2, 3, 4, 5, 6, 7]
        store.close()

"""The threshold of a lease: its last leaves are taken with a reason, which the ledger keeps; the
others without one.
"""

from dataclasses import replace

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.stores import FILE
from state.orders import awaited, brought, rows

from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.errors import (
    DiskFull,
    NotAcknowledged,
    NothingToAcknowledge,
    StateFailed,
    StateOtherVersion,
)
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.records import StoredLease, lease_from, lease_values

WHY = "the last release of this line; ticket 4711"
WIDE = "\N{LINEAR B SYLLABLE B008 A}" * 200
SIZE = 8


def low(warnat: int, key: int = 1) -> StoredLease:
    """A lease of eight leaves with a threshold."""
    return replace(lease(key, end=SIZE), warnat=warnat)


def acknowledged(of: bytes, reason: str = WHY, **how):
    """A wish for a leaf, with a reason."""
    return order(of, **how)._replace(reason=reason)


def one(store, wish):
    """The outcome of one order alone."""
    [answer] = store.reserve([wish])
    return answer


@pytest.mark.parametrize("warnat", [1, 3, SIZE - 1, SIZE, SIZE + 1, 1 << 25])
def test_the_exact_leaf(store, warnat):
    """Exactly the last `warnat` leaves want a reason, and none before them takes one; what is
    refused takes no leaf.
    """
    store.install(low(warnat))
    for left in range(SIZE, 0, -1):
        right, wrong = (
            (acknowledged(name()), order(name()))
            if left <= warnat
            else (order(name()), acknowledged(name()))
        )
        refused = one(store, wrong)
        assert isinstance(refused, NotAcknowledged if left <= warnat else NothingToAcknowledge)
        assert f"has {left} signature" in str(refused)
        assert one(store, right).leaf == SIZE - left

    assert store.get(name()) is None
    assert [row.reason for row in rows(store)] == [""] * (SIZE - warnat) + [WHY] * min(SIZE, warnat)


def test_without_a_threshold(store):
    """A lease without one gives all its leaves without a reason, and to none that has one."""
    store.install(lease(end=SIZE))
    assert "no threshold" in str(one(store, acknowledged(name())))

    assert leaves(take(store, [name()] * SIZE)) == list(range(SIZE))


def test_a_batch_across_the_threshold(store):
    """In one flush each order is judged by what those before it leave; who is refused keeps nobody
    waiting.
    """
    store.install(low(2))
    store.install(low(0, key=2))
    wishes = [order(name()) for _ in range(6)]
    tail = [
        order(name()),
        acknowledged(name(), "first"),
        order(name(2)),
        order(name()),
        acknowledged(name(), "second"),
        order(name()),
    ]
    answers = store.reserve([acknowledged(name()), *wishes, *tail])

    assert isinstance(answers[0], NothingToAcknowledge)
    assert leaves(answers[1:7]) == [0, 1, 2, 3, 4, 5]
    assert isinstance(answers[7], NotAcknowledged)
    assert (answers[8].leaf, answers[9].leaf, answers[11].leaf) == (6, 0, 7)
    assert isinstance(answers[10], NotAcknowledged)
    assert answers[12] is None
    assert [row.reason for row in rows(store) if row.name == name()] == [""] * 6 + [
        "first",
        "second",
    ]


def test_a_batch_of_refusals_writes_nothing(bench):
    """What takes no leaf does not touch the disk."""
    store = bench.open()
    store.install(low(SIZE))
    store._write = None

    assert all(isinstance(answer, NotAcknowledged) for answer in take(store, [name()] * 3))


def test_asked_again(store):
    """The token alone says that an order comes again: with the reason, without it or with another,
    it gets the leaf that it got.
    """
    store.install(low(SIZE))
    wish = acknowledged(name())
    assert one(store, wish).leaf == 0
    again = store.reserve([wish, wish._replace(reason=""), wish._replace(reason="another")])
    assert [(each.leaf, each.again) for each in again] == [(0, True)] * 3

    assert [row.reason for row in rows(store)] == [WHY]


def test_asked_again_below_the_threshold(store):
    """An order from above the threshold comes again when the file is below it: it needs no reason,
    for it takes no leaf.
    """
    store.install(low(SIZE - 1))
    wish = order(name())
    assert one(store, wish).leaf == 0
    assert one(store, wish).again


def test_for_a_hash(store):
    """A leaf that is reserved keeps its reason when its digest comes."""
    store.install(low(SIZE))
    wish = awaited(name())
    assert isinstance(one(store, wish), NotAcknowledged)
    assert one(store, wish._replace(reason=WHY)).leaf == 0
    assert store.bind(brought(wish)).leaf == 0

    [row] = rows(store)
    assert (row.reason, row.bound) == (WHY, True)


@pytest.mark.parametrize("reason", ["x", WHY, WIDE])
def test_reasons_outlive_the_process(reopen, reason):
    """Threshold and reasons are there after a restart, whatever characters they have; so is what an
    order got with one.
    """
    store = reopen()
    store.install(low(SIZE))
    wishes = [acknowledged(name(), reason), acknowledged(name(), reason)]
    store.reserve(wishes)
    store = reopen()

    assert [row.reason for row in rows(store)] == [reason] * 2
    assert leaves(store.reserve([wish._replace(reason="") for wish in wishes])) == [0, 1]
    assert isinstance(one(store, order(name())), NotAcknowledged)


@pytest.mark.parametrize(
    "change", [{"reason": "another"}, {"reason": ""}, {"reason": WHY.swapcase()}]
)
def test_no_reason_changes_unnoticed(change):
    """A row's checksum is of its reason too, and tells it from the name of the client before it."""
    row = LedgerRow(name(), 0, bytes(16), b"q", "client", 1, WHY)
    assert row._replace(**change).checksum != row.checksum
    assert row._replace(client="clientx", reason="y").checksum != row._replace(reason="xy").checksum


class TestAnotherThreshold:
    """warn_at."""

    def test_it_holds_from_then_on(self, reopen):
        """A threshold that is set takes no leaf, holds at once, and after a restart."""
        store = reopen()
        store.install(low(0))
        take(store, [name()] * 3)
        store.warn_at(name(), 4)
        assert (store.get(name()).next, store.get(name()).lease.warnat) == (3, 4)
        store = reopen()

        assert (store.get(name()).next, store.get(name()).lease.warnat) == (3, 4)
        assert one(store, order(name())).leaf == 3
        assert isinstance(one(store, order(name())), NotAcknowledged)

    def test_while_it_stands(self, store):
        """With no more leaves left than the threshold it can be raised, but not lowered, which
        would need no reason.
        """
        store.install(low(5))
        take(store, [name()] * 2)
        store.warn_at(name(), 3)
        store.warn_at(name(), 5)
        assert one(store, order(name())).leaf == 2
        for count in (4, 0):
            with pytest.raises(NotAcknowledged, match="5 signatures left"):
                store.warn_at(name(), count)
        store.warn_at(name(), 5)
        store.warn_at(name(), 6)

        assert store.get(name()).lease.warnat == 6
        assert store.get(name()).next == 3

    def test_of_a_file_that_is_gone(self, store):
        """Nothing happens."""
        store.warn_at(name(), 3)
        assert store.names() == []

    def test_in_quarantine(self, reopen):
        """It may be set while the file gives no leaves, and leaves it there."""
        store = reopen()
        store.install(low(0))
        store.quarantine(name(), "it may be a copy")
        store.warn_at(name(), 4)
        store = reopen()

        assert (store.get(name()).quarantine, store.get(name()).lease.warnat) == (
            "it may be a copy",
            4,
        )

    def test_after_a_quarantine(self, store):
        """Who goes on at a later leaf finds the threshold there still."""
        store.install(low(4))
        store.quarantine(name(), "it may be a copy")
        store.skip(name(), 5)

        assert isinstance(one(store, order(name())), NotAcknowledged)

    @pytest.mark.parametrize("failure", [DiskFull, StateFailed])
    def test_that_could_not_be_written(self, store, failure, monkeypatch):
        """Refused, and no leaf is lost."""
        store.install(low(0))

        def fail(_changes):
            raise failure("no")

        monkeypatch.setattr(store, "_write", fail)
        with pytest.raises(failure):
            store.warn_at(name(), 4)
        assert store.get(name()).next == 0


def test_the_next_lease_has_its_own(store):
    """When a lease is used up, the next one of the key comes with the threshold that it was made
    with.
    """
    store.install(low(0))
    take(store, [name()] * SIZE)
    store.install(replace(lease(first=SIZE, end=2 * SIZE), warnat=SIZE))

    assert isinstance(one(store, order(name())), NotAcknowledged)


class TestFormats:
    """Cards keep their format; what an older version wrote of an NVRAM is refused by name."""

    def test_a_card_without_a_threshold_is_as_before(self):
        """The field is written only where there is a threshold, and found missing where there is
        none.
        """
        assert "warnat" not in lease_values(low(0))
        assert lease_from(lease_values(low(0)), "card") == low(0)
        assert lease_from(lease_values(low(3)), "card") == low(3)

    def test_files_of_the_format_before(self, tmp_path):
        """The file store's folder without a format, or of another one, is refused with both
        numbers, and its ledger stays as it is.
        """
        store = FILE.open(tmp_path)
        store.install(lease())
        take(store, [name()] * 3)
        store.close()
        history, ledger = tmp_path / "nvram" / "history", tmp_path / "nvram" / "ledger"
        values, rows_before = unseal(history.read_bytes(), ""), ledger.read_bytes()
        for found, text in ((None, "older.* 1; "), (1, "older.* 1; "), (99, "newer.* 99; ")):
            older = {field: value for field, value in values.items() if field != "format"}
            history.write_bytes(seal(older if found is None else older | {"format": found}))
            with pytest.raises(StateOtherVersion, match=f"{text}this one knows 2"):
                FILE.open(tmp_path)

        assert ledger.read_bytes() == rows_before

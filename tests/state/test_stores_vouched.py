"""No leaf is used that the witness does not know of, whoever takes leaves between asking it and
using them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.stores import Kind

from seemachine.state.errors import LeaseSpent, StateFailed, StateLocked
from seemachine.state.nvram.base import VOUCHING_TRIES, MirroredStore
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.protocol import Use

STORES = {"sqlite": SqliteStore, "file": FileStore}


class Exact(NoWitness):
    """A witness that knows of the leaves that it was asked for, and of none after them."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._allowed = 0

    def vouch(self, uses: Sequence[Use]) -> None:
        """Know of them; then something happens, once."""
        self.asked += [use.following for use in uses]
        self._allowed = max([self._allowed, *(use.following for use in uses)])
        act, self.meanwhile = self.meanwhile, lambda: None
        act()

    def take(self, uses: Sequence[Use]) -> bool:
        """Whether it knows of all."""
        return all(use.following <= self._allowed for use in uses)


class Forgetful(Exact):
    """One that never knows of what it was asked for."""

    def take(self, uses: Sequence[Use]) -> bool:
        """Not even of none."""
        del uses
        return False


class Another(Exact):
    """One that says, when it is asked, that the NVRAM is another process's now."""

    def take(self, uses: Sequence[Use]) -> bool:
        """It is."""
        del uses
        return self.beat() == ""

    def beat(self) -> str:
        """It is."""
        raise StateLocked("another process opened it")


def opened(kind: Kind, folder: Path, witness: Exact) -> MirroredStore:
    """A store with a lease of 32 leaves."""
    store = STORES[kind.name](folder, witness)
    store.install(lease())
    return store


def test_leaves_that_others_took_meanwhile_are_asked_for_again(
    durable_kind: Kind, tmp_path: Path
) -> None:
    """Between asking and using, somebody else got the leaf: the next one is asked for before it is
    used, and each leaf has one owner.
    """
    witness = Exact()
    store = opened(durable_kind, tmp_path, witness)
    others: list[object] = []
    witness.meanwhile = lambda: others.extend(take(store, [name()]))
    mine = take(store, [name()])
    assert (leaves(others), leaves(mine)) == ([0], [1])
    assert witness.asked == [1, 1, 2]
    store.close()


def test_a_lease_that_others_used_up_meanwhile_gives_none(
    durable_kind: Kind, tmp_path: Path
) -> None:
    """There is no file any more, which is no reason to fail for the other files of a batch."""
    witness = Exact()
    store = opened(durable_kind, tmp_path, witness)
    store.install(lease(2))
    witness.meanwhile = lambda: take(store, [name()] * 32)
    assert leaves(take(store, [name(), name(2)])) == [None, 0]
    store.close()


def unchanged(store: MirroredStore) -> bool:
    """Whether no leaf was taken, in memory or in the ledger."""
    file = store.get(name())
    return file is not None and file.next == 0 and store.ledger(0, 9) == []


def test_a_witness_that_never_knows_uses_no_leaf(durable_kind: Kind, tmp_path: Path) -> None:
    """After some tries it is refused, and nothing has changed."""
    witness = Forgetful()
    store = opened(durable_kind, tmp_path, witness)
    with pytest.raises(StateFailed, match=r"others took the leaves.*no leaf was used; try again"):
        store.reserve([order(name())])
    assert witness.asked == [1] * VOUCHING_TRIES
    assert unchanged(store)
    store.close()


def test_an_nvram_that_is_anothers_uses_no_leaf(durable_kind: Kind, tmp_path: Path) -> None:
    """What its witness says last counts, for good, and before anything has changed."""
    store = opened(durable_kind, tmp_path, Another())
    for _ in range(2):
        with pytest.raises(StateFailed, match="another process opened it"):
            store.reserve([order(name())])
    assert store._files[name()].next == 0
    store.close()


def test_after_a_beat_that_finds_an_owner_nothing_is_done(
    durable_kind: Kind, tmp_path: Path
) -> None:
    """What the beat learns counts for all that comes after it, for good."""
    witness = Another()
    store = opened(durable_kind, tmp_path, witness)
    with pytest.raises(StateFailed, match="another process opened it"):
        store.beat()
    with pytest.raises(StateFailed, match="another process opened it"):
        store.reserve([order(name())])
    assert witness.asked == []
    store.close()


def test_a_leaf_that_can_not_be_gone_on_at_is_not_asked_for(
    durable_kind: Kind, tmp_path: Path
) -> None:
    """Who is refused has told the witness of no use: it would have leaves given up."""
    witness = Exact()
    store = opened(durable_kind, tmp_path, witness)
    for leaf in (0, 33):
        with pytest.raises(LeaseSpent):
            store.skip(name(), leaf)
    assert witness.asked == []
    store.skip(name(), 7)
    assert witness.asked == [7]
    store.close()


class Lost(NoWitness):
    """One that says, when a lease is to come in, that the NVRAM is another process's now."""

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """It is."""
        del name, first, end
        raise StateLocked("another process opened it")


def test_an_nvram_that_is_anothers_takes_no_lease(durable_kind: Kind, tmp_path: Path) -> None:
    """Asked about one it learns of that, and does nothing more."""
    store = STORES[durable_kind.name](tmp_path, Lost())
    with pytest.raises(StateFailed, match="another process opened it"):
        store.check_install(lease())
    with pytest.raises(StateFailed, match="another process opened it"):
        store.end_doubt()
    store.close()

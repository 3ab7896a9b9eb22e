"""A store that is closed, or that does not know what its disk holds, changes nothing and answers
nothing, whatever is asked of it.
"""

from collections.abc import Callable

import pytest
from kit.faults import Disk
from kit.leases import lease, name, order
from state.orders import DAY, awaited, brought, later

from seemachine.state.errors import StateFailed
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.store import Retention

WAITING, ANSWERED = awaited(name()), order(name())
CHANGES: dict[str, Callable[[MirroredStore], object]] = {
    "reserve": lambda store: store.reserve([order(name())]),
    "reserve again": lambda store: store.reserve([ANSWERED]),
    "reserve nothing": lambda store: store.reserve([]),
    "bind": lambda store: store.bind(brought(WAITING)),
    "install": lambda store: store.install(lease(3)),
    "check": lambda store: store.check_install(lease(3)),
    "delete": lambda store: store.delete(name()),
    "destroy": lambda store: store.destroy(lease().public_key),
    "quarantine": lambda store: store.quarantine(name(), "reason"),
    "skip": lambda store: store.skip(name(), 20),
    "warn at": lambda store: store.warn_at(name(), 1),
    "put back": lambda store: store.put_back("reason", {}),
    "end_doubt": lambda store: store.end_doubt(),
    "tidy": lambda store: store.tidy(),
    "ledger": lambda store: store.ledger(0, 10),
}


def used(disk: Disk) -> MirroredStore:
    """A store with a file, orders, a doubt, and things to destroy."""
    store = disk.open()
    store._keep = Retention(retry_seconds=1, ledger_days=1)
    store.install(lease())
    store.install(lease(2, end=1))
    store.reserve([WAITING, ANSWERED, order(name(2))])
    store.put_back("a doubt", {})
    store.skip(name(), 10)
    later(store, 2 * DAY)
    return store


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
class TestEveryChange:
    """Everything that changes a store or answers from it, in turn."""

    @pytest.fixture
    def store(self, kind, tmp_path, monkeypatch):
        """A store that was used; its disk; what is written from here on."""
        disk = Disk(kind, tmp_path, monkeypatch)
        return used(disk), disk, []

    def watch(self, store, written, monkeypatch):
        """See every write."""
        for write in ("_write", "_write_past", "_write_install"):
            monkeypatch.setattr(store, write, lambda *what: written.append(what))

    def test_after_a_failed_flush(self, store, change, monkeypatch):
        """Nobody knows what the disk holds: refused, nothing written, nothing changed in memory."""
        store, disk, written = store
        error = disk.fail(lambda: store.quarantine(name(), "a test"), full=False)
        assert type(error) is StateFailed
        self.watch(store, written, monkeypatch)
        before = store.get(name()), list(store._spent), store.doubt
        with pytest.raises(StateFailed, match="restart the machine"):
            change(store)

        assert (store.get(name()), list(store._spent), store.doubt) == before
        assert written == []
        store.close()

    def test_after_it_was_closed(self, store, change, monkeypatch):
        """What another process may have open by now is not touched."""
        store, _, written = store
        store.close()
        self.watch(store, written, monkeypatch)
        before = store.get(name()), list(store._spent), store.doubt
        with pytest.raises(StateFailed, match="closed"):
            change(store)

        assert (store.get(name()), list(store._spent), store.doubt) == before
        assert written == []

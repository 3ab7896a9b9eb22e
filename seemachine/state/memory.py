"""NVRAM that forgets: for tests and `--ephemeral`. Every promise but durability."""

from seemachine.state.records import StoredLease
from seemachine.state.store import Changes, MirroredStore


class MemoryStore(MirroredStore):
    """See Store."""

    def __init__(self) -> None:
        super().__init__([], epoch=0)
        self._installed: list[StoredLease] = []

    def _was_installed(self, lease: StoredLease) -> bool:
        return any(past.public_key == lease.public_key and past.first < lease.end and lease.first < past.end for past in self._installed)

    def _write_install(self, lease: StoredLease) -> None:
        self._installed.append(lease)

    def _write_changes(self, changes: Changes) -> None:
        pass

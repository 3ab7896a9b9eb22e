"""NVRAM that is full, on a disk that is full, on demand.

A full disk is met where a real one is: after memory has changed, and before anything is durable. So
a leaf that was taken stays gone, whatever becomes of the write. The opening of an NVRAM meets
nothing.
"""

import errno
import os
import time
from abc import abstractmethod

from seemachine.faults.injector import Injector
from seemachine.faults.kinds import DISK_WRITE, NVRAM_WRITE
from seemachine.mishaps.clock import moved
from seemachine.state.errors import DiskFull
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.store import Store
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.records import StoredLease
from seemachine.state.witness.protocol import Past


class FaultyNvram(MirroredStore):
    """See Store. To be named before the class of a store, whose writes then meet faults."""

    _faults: Injector | None = None

    def beset(self, faults: Injector) -> None:
        """From here on."""
        ahead = moved(faults)
        self._faults, self._clock = faults, lambda: time.time() + ahead()

    @abstractmethod
    def _no_room(self) -> str:
        """What this store says of a full disk."""

    def _is_full(self) -> bool:
        return super()._is_full() or self._meets(NVRAM_WRITE)

    def end_doubt(self) -> None:
        """See Store. It is the last step of an opening."""
        faults, self._faults = self._faults, None
        try:
            super().end_doubt()
        finally:
            self._faults = faults

    def _write(self, changes: Changes) -> None:
        self._meet_full_disk()
        super()._write(changes)  # type: ignore[safe-super]

    def _write_install(self, lease: StoredLease) -> None:
        self._meet_full_disk()
        super()._write_install(lease)  # type: ignore[safe-super]

    def _write_past(self, past: Past) -> None:
        self._meet_full_disk()
        super()._write_past(past)  # type: ignore[safe-super]

    def _meet_full_disk(self) -> None:
        if self._meets(DISK_WRITE):
            raise DiskFull(self._no_room())

    def _meets(self, place: str) -> bool:
        return self._faults is not None and self._faults.meet_at(place) is not None


class FaultyFile(FaultyNvram, FileStore):
    """See FileStore."""

    def _no_room(self) -> str:
        return f"{self._folder}: {os.strerror(errno.ENOSPC)}"


class FaultyMemory(FaultyNvram, MemoryStore):
    """See MemoryStore. As NVRAM it outlives a restart of its machine in the same process."""

    def _no_room(self) -> str:
        return os.strerror(errno.ENOSPC)

    def burn_awaited(self) -> None:
        """Leaves that wait for a digest, as in every store that is opened again."""
        with self._lock:
            self._awaited.clear()


def restarted(store: Store) -> Store | None:
    """The NVRAM of a machine that starts again in this process, if it is in memory; None for one
    that is to be closed, and opened again.
    """
    if not isinstance(store, FaultyMemory):
        return None
    store.burn_awaited()
    return store

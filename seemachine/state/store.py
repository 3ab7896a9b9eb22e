"""The NVRAM of one machine: the promises that every store keeps, and the part that is the same in all of them.

Order, never to be changed: a leaf is taken off in memory, then durably, then handed out. A crash or a failed write in between loses the
leaf; no path leads back to it.
"""

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from seemachine.state.errors import DiskFull, FileExists, LeaseSpent, StateFailed
from seemachine.state.records import NvramFile, Reserved, StoredLease
from seemachine.wire.names import printed_name

MAX_FILES = 4096


class Store(Protocol):
    """NVRAM. Every change is durable when its call returns. Calls may come from several threads."""

    @property
    def epoch(self) -> int:
        """How often this state was opened, counted durably at each opening; 0 where nothing outlives the process."""

    def install(self, lease: StoredLease) -> None:
        """Put a lease into NVRAM. Raises FileExists while its key has a file or all are taken, LeaseSpent for leaves once here."""

    def check_install(self, lease: StoredLease) -> None:
        """Raise what `install` would, without installing."""

    def reserve(self, names: Sequence[bytes]) -> list[Reserved | None]:
        """Take the next leaf off each named file, all in one flush; None where there is no such file. The last leaf deletes the file."""

    def get(self, name: bytes) -> NvramFile | None:
        """One file."""

    def names(self) -> list[bytes]:
        """The names of all files, sorted."""

    def delete(self, name: bytes) -> None:
        """Destroy a file and its leaves. Nothing happens when there is none."""

    def close(self) -> None:
        """Give everything back."""


# What a batch of reservations leaves behind: the file as it is now, or None when it is used up.
Changes = dict[bytes, NvramFile | None]


class MirroredStore(ABC):
    """A store whose files are all known in memory; subclasses make changes durable. Owned by one process for life."""

    def __init__(self, files: Iterable[NvramFile], epoch: int) -> None:
        self._files = {file.name: file for file in files}
        self._lock = threading.Lock()
        self._failed = False
        self._closed = False
        self.epoch = epoch

    @abstractmethod
    def _was_installed(self, lease: StoredLease) -> bool:
        """Whether any of the lease's leaves were ever in this NVRAM."""

    @abstractmethod
    def _write_install(self, lease: StoredLease) -> None:
        """Remember the range and create the file, durably. Raises StateFailed."""

    @abstractmethod
    def _write_changes(self, changes: Changes) -> None:
        """Make the next leaf of each file durable, or its deletion, in one flush. Raises StateFailed."""

    def get(self, name: bytes) -> NvramFile | None:
        """See Store."""
        return self._files.get(name)

    def names(self) -> list[bytes]:
        """See Store."""
        return sorted(self._files)

    def install(self, lease: StoredLease) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            self.check_install(lease)
            self._guarded(lambda: self._write_install(lease))
            self._files[lease.name] = NvramFile(lease, lease.first)

    def check_install(self, lease: StoredLease) -> None:
        """See Store."""
        self._refuse_after_failure()
        present = self._files.get(lease.name)
        if present is not None:
            raise FileExists(f"NVRAM file {printed_name(lease.name)} still holds {present.remaining} signatures")
        if len(self._files) >= MAX_FILES:
            raise FileExists(f"the NVRAM is full: it holds {MAX_FILES} files")
        if self._was_installed(lease):
            raise LeaseSpent(f"leaves {lease.first}..{lease.end} of {printed_name(lease.name)} were in this NVRAM before")

    def reserve(self, names: Sequence[bytes]) -> list[Reserved | None]:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            taken, changes = self._take(names)
            if changes:
                # In memory first: whatever becomes of the write, these leaves are not handed out again by this process.
                self._apply(changes)
                self._guarded(lambda: self._write_changes(changes))
            return taken

    def delete(self, name: bytes) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            if self._files.pop(name, None) is not None:
                self._guarded(lambda: self._write_changes({name: None}))

    def _take(self, names: Sequence[bytes]) -> tuple[list[Reserved | None], Changes]:
        used: Counter[bytes] = Counter()
        taken: list[Reserved | None] = []
        for name in names:
            file = self._files.get(name)
            if file is None or used[name] == file.remaining:
                taken.append(None)
                continue
            leaf = file.next + used[name]
            used[name] += 1
            taken.append(Reserved(file.lease, leaf, file.lease.end - leaf - 1))
        return taken, {name: self._advanced(self._files[name], count) for name, count in used.items()}

    @staticmethod
    def _advanced(file: NvramFile, count: int) -> NvramFile | None:
        return None if count == file.remaining else NvramFile(file.lease, file.next + count)

    def _apply(self, changes: Changes) -> None:
        for name, file in changes.items():
            if file is None:
                del self._files[name]
            else:
                self._files[name] = file

    def _guarded(self, write: Callable[[], None]) -> None:
        """After a failed flush nobody knows what the disk holds, and a second flush would not tell: the machine must be started again."""
        try:
            write()
        except DiskFull:
            raise
        except StateFailed:
            self._failed = True
            raise

    def close(self) -> None:
        """See Store. Nothing can be asked afterwards."""
        with self._lock:
            self._closed = True

    def _refuse_after_failure(self) -> None:
        if self._closed:
            raise StateFailed("the store is closed")
        if self._failed:
            raise StateFailed("an earlier write did not become durable; restart the machine once the disk is in order")

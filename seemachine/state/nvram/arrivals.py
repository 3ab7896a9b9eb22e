"""How a lease comes into an NVRAM, once and never again.

Order, never to be changed, in `install`: the witnesses are told of the lease, then its file is
made. Leaves that were claimed and are not in the file count as gone.
"""

from abc import abstractmethod

from seemachine.state.errors import FileExists, LeaseSpent
from seemachine.state.nvram.contents import OpenNvram
from seemachine.state.records import NvramFile, StoredLease
from seemachine.wire.names import printed_name

MAX_FILES = 4096


class Arrivals(OpenNvram):
    """The part of a store that takes leases in. Subclasses remember them durably."""

    @abstractmethod
    def _was_installed(self, lease: StoredLease) -> bool:
        """Whether any of the lease's leaves were ever in this NVRAM."""

    @abstractmethod
    def _write_install(self, lease: StoredLease) -> None:
        """Remember the range and create the file, durably. Raises StateFailed."""

    def install(self, lease: StoredLease) -> None:
        """See Store."""
        self.check_install(lease)
        # Claimed before the file is there: claimed leaves that are not in it count as gone. Not
        # under the lock: a witness may be slow.
        with self._still_ours():
            self._witness.claim(lease.name, lease.first, lease.end)
        with self._lock:
            self._ready()
            self._check_room(lease)
            self._guarded(lambda: self._write_install(lease))
            self._files[lease.name] = NvramFile(lease, lease.first)

    def check_install(self, lease: StoredLease) -> None:
        """See Store."""
        with self._lock:
            self._check_room(lease)
        with self._still_ours():
            spent = self._witness.is_spent(lease.name, lease.first, lease.end)
        if spent:
            raise LeaseSpent(f"{_were_here(lease)}, or in another machine's, as its witness knows")

    def _check_room(self, lease: StoredLease) -> None:
        self._refuse_after_failure()
        present = self._files.get(lease.name)
        if present is not None:
            raise FileExists(
                f"NVRAM file {printed_name(lease.name)} still holds {present.remaining} signatures"
            )
        if self._is_full():
            raise FileExists(f"the NVRAM is full: it holds {MAX_FILES} files")
        if self._was_installed(lease):
            raise LeaseSpent(_were_here(lease))

    def _is_full(self) -> bool:
        return len(self._files) >= MAX_FILES


def _were_here(lease: StoredLease) -> str:
    return (
        f"leaves {lease.first} to {lease.end - 1} of {printed_name(lease.name)} were in this NVRAM"
        " before"
    )

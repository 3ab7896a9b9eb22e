"""The NVRAM of one machine: the promises that every store keeps, and the part that is the same in all of them.

Order, never to be changed: a leaf is taken off in memory, then durably together with its row in the ledger, then handed out. A crash or a
failed write in between loses the leaf; no path leads back to it. Only the same order, by its token, gets the same leaf again.
"""

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from seemachine.state.batch import Answer, Batch, Changes, quarantined
from seemachine.state.errors import (
    DiskFull,
    FileExists,
    LeaseGone,
    LeaseSpent,
    StateError,
    StateFailed,
    StateLocked,
    TokenSpent,
)
from seemachine.state.ledger import LedgerRow, Order
from seemachine.state.records import NvramFile, Reserved, SpentLease, StoredLease
from seemachine.state.witness import Mark, NoWitness, Past, Witness, doubt_about
from seemachine.wire.names import printed_name

MAX_FILES = 4096
MAX_AWAITED = 4096


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept: used-up leases for orders that come again, in seconds; the ledger, in days (0: for ever)."""

    retry_seconds: int = 3600
    ledger_days: int = 0


KEEP = Retention()


class Store(Protocol):
    """NVRAM. Every change is durable when its call returns. Calls may come from several threads."""

    @property
    def mark(self) -> Mark:
        """Which NVRAM this is, and how often it was opened, counted durably; epoch 0 where nothing outlives the process."""

    @property
    def epoch(self) -> int:
        """How often this NVRAM was opened."""

    @property
    def doubt(self) -> str:
        """Why what was made with this NVRAM before is not to be used: all its files are in quarantine. Empty when all is well."""

    def settle(self) -> None:
        """What lies beside the NVRAM was put into quarantine too; the doubt is over."""

    def install(self, lease: StoredLease) -> None:
        """Put a lease into NVRAM. Raises FileExists while its key has a file or all are taken, LeaseSpent for leaves once here."""

    def check_install(self, lease: StoredLease) -> None:
        """Raise what `install` would, without installing."""

    def reserve(self, orders: Sequence[Order]) -> list[Answer]:
        """Take the next leaf off each file that is asked for, all in one flush; None where there is none. The last leaf deletes the file.

        An order that came before gets the leaf that it got. LeaseQuarantined, TokenSpent and LeaseGone are given back as values.
        """

    def bind(self, order: Order) -> Reserved:
        """Bind a leaf that was reserved for a hash to its digest, for good. Raises TokenSpent, LeaseGone, LeaseQuarantined."""

    def get(self, name: bytes) -> NvramFile | None:
        """One file."""

    def names(self) -> list[bytes]:
        """The names of all files, sorted."""

    def delete(self, name: bytes) -> None:
        """Destroy a file and its leaves. Nothing happens when there is none."""

    def quarantine(self, name: bytes, reason: str) -> None:
        """Hand out no leaf of a file until somebody decides."""

    def skip(self, name: bytes, leaf: int) -> None:
        """End a quarantine by going on at a later leaf; at the end of the lease the file is gone. Raises LeaseSpent for one not later."""

    def put_back(self, reason: str, floors: Mapping[bytes, int]) -> None:
        """This NVRAM was put back, as is known from elsewhere: all goes into quarantine, and no file stays at a leaf before its floor."""

    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """Up to `most` rows behind number `after`, oldest first, with their numbers."""

    def tidy(self) -> None:
        """Now and then: destroy what is kept no longer, and ask the witness whether all is well. Raises StateLocked, for good, if not."""

    def close(self) -> None:
        """Give everything back."""


class MirroredStore(ABC):
    """A store whose files are all known in memory; subclasses make changes durable. Owned by one process for life."""

    def __init__(self, files: Iterable[NvramFile], spent: Iterable[SpentLease], past: Past, keep: Retention = KEEP) -> None:
        self._files = {file.name: file for file in files}
        self._spent = list(spent)
        self._keep = keep
        self._lock = threading.Lock()
        self._failed = False
        self._closed = False
        self._clock: Callable[[], float] = time.time
        self._witness: Witness = NoWitness()
        # Leaves that clients hash for, by token. In memory alone: what became of one that another process gave out, no NVRAM that may
        # have been put back can say.
        self._awaited: dict[bytes, LedgerRow] = {}
        self.mark = past.last
        self.doubt = past.doubt

    def _attest(self, past: Past, witness: Witness | None, place: bytes) -> None:
        """Compare with what the witness remembers, put into quarantine what does not agree, and count this opening."""
        self._witness = witness or NoWitness()
        last = self._witness.last()
        doubt = doubt_about(past, last, place) or past.doubt if witness else past.doubt
        # Before the opening is counted: a crash in between must find the same doubt again.
        self._commit(self._suspended(doubt))
        before = last if last is not None and last.identity == past.last.identity else past.last
        mark = Mark(past.last.identity, max(before.epoch, past.last.epoch) + 1, os.urandom(8), place)
        self._write_past(Past(mark, (before.epoch, before.nonce), doubt))
        self._witness.advance(last, mark)
        self.mark, self.doubt = mark, doubt

    def _suspended(self, doubt: str) -> Changes:
        reasons = {name: doubt or self._behind(file) for name, file in self._files.items() if not file.quarantine}
        files: dict[bytes, NvramFile | None] = {
            name: replace(self._files[name], quarantine=reason) for name, reason in reasons.items() if reason
        }
        forgotten = self._spent if doubt else []
        self._spent = [] if doubt else self._spent
        return Changes(files=files, forgotten=forgotten)

    def _behind(self, file: NvramFile) -> str:
        noted = self._witness.noted(file.name).get(file.lease.first, 0)
        return f"it stands at leaf {file.next}, but the witness saw it at {noted}: it was put back, or damaged" if noted > file.next else ""

    @abstractmethod
    def _was_installed(self, lease: StoredLease) -> bool:
        """Whether any of the lease's leaves were ever in this NVRAM."""

    @abstractmethod
    def _write_install(self, lease: StoredLease) -> None:
        """Remember the range and create the file, durably. Raises StateFailed."""

    @abstractmethod
    def _write(self, changes: Changes) -> None:
        """Make changes durable, all in one flush. Raises StateFailed."""

    @abstractmethod
    def _write_past(self, past: Past) -> None:
        """Remember an opening, durably. Raises StateFailed."""

    @abstractmethod
    def _rows(self, tokens: Sequence[bytes]) -> dict[bytes, LedgerRow]:
        """The rows of those tokens that have one."""

    @abstractmethod
    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """See Store."""

    @property
    def epoch(self) -> int:
        """How often this NVRAM was opened."""
        return self.mark.epoch

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
            # Noted before the file is there: noted leaves that are not in it count as gone.
            self._witness.note(lease.name, lease.first, lease.first)
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
        if self._was_installed(lease) or self._was_noted(lease):
            raise LeaseSpent(f"leaves {lease.first}..{lease.end} of {printed_name(lease.name)} were in this NVRAM before")

    def _was_noted(self, lease: StoredLease) -> bool:
        return any(first < lease.end and lease.first < following for first, following in self._witness.noted(lease.name).items())

    def reserve(self, orders: Sequence[Order]) -> list[Answer]:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            batch = Batch(self._files, self._rows([order.token for order in orders]), self._now())
            answers = [self._again(order, row) if (row := batch.known(order)) else batch.take(order) for order in orders]
            changes = batch.changes()
            self._commit(changes)
            self._await(changes.rows)
            return answers

    def _await(self, rows: list[LedgerRow]) -> None:
        self._awaited.update((row.token, row) for row in rows if not row.bound)
        while len(self._awaited) > MAX_AWAITED:
            del self._awaited[next(iter(self._awaited))]

    def bind(self, order: Order) -> Reserved:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            awaited = self._awaited.get(order.token)
            if awaited is not None and awaited.name == order.name:
                reserved = self._found(awaited)
                # Whatever becomes of the write, this leaf never sees a second digest; and it is durable before anything is signed with it.
                del self._awaited[order.token]
                self._commit(Changes(bound=[replace(awaited, digest=order.digest)]))
                return reserved
            row = self._rows([order.token]).get(order.token)
            answer = self._again(order, row) if row else TokenSpent("no leaf was reserved under this token; reserve one first")
            if isinstance(answer, StateError):
                raise answer
            return answer

    def _again(self, order: Order, row: LedgerRow) -> Reserved | StateError:
        """The leaf that this order got before. It signs what it signed then, so it is no second use."""
        if not row.bound and row.token not in self._awaited:
            return TokenSpent(f"leaf {row.leaf} waits for no digest any more, and is burned; reserve another under a new token")
        if not row.fits(order):
            return TokenSpent(f"this request token was used before, for another message: leaf {row.leaf} of {printed_name(row.name)}")
        try:
            return self._found(row)
        except StateError as error:
            return error

    def _found(self, row: LedgerRow) -> Reserved:
        """A leaf of the ledger with its lease. Raises LeaseQuarantined, LeaseGone."""
        file = self._files.get(row.name)
        if file is not None and file.lease.first <= row.leaf < file.lease.end:
            if file.quarantine:
                raise quarantined(file)
            return Reserved(file.lease, row.leaf, file.remaining, again=True)
        for spent in self._spent:
            if spent.lease.name == row.name and spent.lease.first <= row.leaf < spent.lease.end:
                return Reserved(spent.lease, row.leaf, 0, again=True)
        raise LeaseGone(f"leaf {row.leaf} of {printed_name(row.name)} was given to this request, but its lease is no longer kept")

    def delete(self, name: bytes) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            file = self._files.get(name)
            if file is not None:
                self._commit(Changes(files={name: None}))
                self._witness.note(name, file.lease.first, file.lease.end)

    def quarantine(self, name: bytes, reason: str) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            self._commit(Changes(files={name: replace(self._files[name], quarantine=reason)}))

    def skip(self, name: bytes, leaf: int) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            file = self._files[name]
            least = max(file.next + 1, self._witness.noted(name).get(file.lease.first, 0))
            if not least <= leaf <= file.lease.end:
                raise LeaseSpent(f"{printed_name(name)} can go on at a leaf from {least} to {file.lease.end}, not {leaf}; never back")
            self._commit(Changes(files={name: NvramFile(file.lease, leaf) if leaf < file.lease.end else None}))

    def put_back(self, reason: str, floors: Mapping[bytes, int]) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            # The doubt first: after a crash in between the next opening puts all into quarantine.
            self._guarded(lambda: self._write_past(Past(self.mark, (self.mark.epoch, self.mark.nonce), self.doubt or reason)))
            self.doubt = self.doubt or reason
            forgotten, self._spent = self._spent, []
            changed = {name: _held(file, floors.get(name, 0), reason) for name, file in self._files.items()}
            self._commit(Changes(files=changed, forgotten=forgotten))

    def tidy(self) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            now = self._now()
            old = [spent for spent in self._spent if spent.time + self._keep.retry_seconds * 1000 <= now]
            before = now - self._keep.ledger_days * 86_400_000 if self._keep.ledger_days else 0
            self._spent = [spent for spent in self._spent if spent not in old]
            self._commit(Changes(forgotten=old, ledger_before=before))
            try:
                self._witness.refresh()
            except StateLocked:
                self._failed = True
                raise

    def settle(self) -> None:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            if self.doubt:
                self._guarded(lambda: self._write_past(Past(self.mark, (self.mark.epoch, self.mark.nonce))))
                self.doubt = ""

    def _commit(self, changes: Changes) -> None:
        """In memory first: whatever becomes of the write, leaves that were taken are not handed out again by this process."""
        if not changes:
            return
        for name, file in changes.files.items():
            if file is None:
                self._files.pop(name, None)
            else:
                self._files[name] = file
        self._spent += changes.spent
        self._guarded(lambda: self._write(changes))
        for file in changes.files.values():
            if file is not None:
                self._witness.note(file.name, file.lease.first, file.next)
        for spent in changes.spent:
            self._witness.note(spent.lease.name, spent.lease.first, spent.lease.end)

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
            if not self._closed:
                self._closed = True
                self._witness.release()

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _refuse_after_failure(self) -> None:
        if self._closed:
            raise StateFailed("the store is closed")
        if self._failed:
            raise StateFailed("an earlier write did not become durable; restart the machine once the disk is in order")


def _held(file: NvramFile, floor: int, reason: str) -> NvramFile | None:
    """A file in quarantine that goes on at `floor` at the earliest; None when that is its end."""
    following = max(file.next, floor)
    return replace(file, next=following, quarantine=file.quarantine or reason) if following < file.lease.end else None

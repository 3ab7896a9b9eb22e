"""What can be asked of every NVRAM whose files are all known in memory: leases come in, leaves are
handed out, doubts are ended.

Theory of operation. A file is a lease and its next leaf. Three places know how far it has come:
memory, the disk, and the witness outside of this NVRAM. One rule holds between them, whatever
crashes: a leaf is used only once all three know that it is gone. Each step that breaks off may
lose leaves; none brings one back.

`reserve` therefore goes in this order, which must never be changed:

1. The witness is told of the leaves that the orders may take (`vouch`). No lock is held, for a
   witness may be a database. What it was told of and nobody takes is lost only if the machine ends
   without order.
2. Under the lock, orders whose token has a row in the ledger get that row's leaf again: the same
   message, the same signature. The others get the next leaves, in a Batch that has changed nothing
   yet.
3. `take` asks whether the witness knows of all leaves of the batch. Between 1 and 3 other threads
   may have taken them: then all begins again, and nothing was changed.
4. `_commit`: memory, then the disk, then the witness's note. Files and rows become durable in one
   commit, so no leaf is off without its row and no row is there without its leaf. A write that
   fails leaves memory ahead of the disk; nobody gets these leaves in this process, and after a
   failed flush the store does nothing more until it is opened again.
5. Only then a leaf is handed out.

A leaf that waits for a client's digest (`bind`) is known in memory alone: an NVRAM that was put
back could not tell which digest it had. A restart burns it.
"""

import contextlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from seemachine.state.errors import (
    DiskFull,
    FileExists,
    LeaseGone,
    LeaseSpent,
    NotAcknowledged,
    StateError,
    StateFailed,
    StateLocked,
    TokenSpent,
    counted,
)
from seemachine.state.nvram.batch import Answer, Batch, Changes, quarantined
from seemachine.state.nvram.contents import OpenNvram
from seemachine.state.nvram.ledger import LedgerRow, Order
from seemachine.state.nvram.store import KEEP, Retention
from seemachine.state.records import NvramFile, Reserved, SpentLease, StoredLease
from seemachine.state.witness.protocol import Past, Use
from seemachine.wire.names import printed_name

MAX_FILES = 4096
MAX_AWAITED = 4096
# Between asking the witness and taking the leaves another thread may have taken them.
VOUCHING_TRIES = 8
# Rows, or leases, that are destroyed in one step: a signature waits for one step at most.
AT_ONCE = 250


class MirroredStore(OpenNvram):
    """See Store. Subclasses make changes durable, and look into what is too long for memory."""

    def __init__(
        self,
        files: Iterable[NvramFile],
        spent: Iterable[SpentLease],
        past: Past,
        keep: Retention = KEEP,
    ) -> None:
        super().__init__(files, spent, past)
        self._keep = keep
        # Leaves that clients hash for, by token. In memory alone: what became of one that another
        # process gave out, no NVRAM that may have been put back can say.
        self._awaited: dict[bytes, LedgerRow] = {}
        # What found no room: memory knows it, the disk may not.
        self._late = Changes()

    def _ready(self) -> None:
        """What found no room comes before what builds on memory: answers, changes, the end of a
        row.
        """
        self._refuse_after_failure()
        late, self._late = self._late, Changes()
        self._commit(late)

    def _commit(self, changes: Changes) -> None:
        try:
            super()._commit(changes)
        except DiskFull:
            # Without the rows of the ledger: whoever was refused asks again.
            self._late = replace(changes, rows=[], bound=[], ledger_before=0, late=True)
            raise

    @abstractmethod
    def _was_installed(self, lease: StoredLease) -> bool:
        """Whether any of the lease's leaves were ever in this NVRAM."""

    @abstractmethod
    def _write_install(self, lease: StoredLease) -> None:
        """Remember the range and create the file, durably. Raises StateFailed."""

    @abstractmethod
    def _rows(self, tokens: Sequence[bytes]) -> dict[bytes, LedgerRow]:
        """The rows of those tokens that have one."""

    def _has_rows_before(self, before: int) -> bool:
        """Whether the ledger has yet to forget rows from before a time, in milliseconds."""
        del before
        return False

    @abstractmethod
    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """See Store."""

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
        if len(self._files) >= MAX_FILES:
            raise FileExists(f"the NVRAM is full: it holds {MAX_FILES} files")
        if self._was_installed(lease):
            raise LeaseSpent(_were_here(lease))

    def reserve(self, orders: Sequence[Order]) -> list[Answer]:
        """See Store.

        What the witness has to know first it is told without the lock, for it may be slow.
        """
        wanted = Counter(order.name for order in orders)
        for _ in range(VOUCHING_TRIES):
            self._vouch(
                [
                    _use(file, count)
                    for name, count in wanted.items()
                    if (file := self._files.get(name)) and not file.quarantine
                ]
            )
            with self._lock:
                answers = self._reserved(orders)
            if answers is not None:
                return answers
        raise StateFailed(
            "others took the leaves that the witness was asked for; no leaf was used; try again"
        )

    def _reserved(self, orders: Sequence[Order]) -> list[Answer] | None:
        """An answer to each order; None when the witness does not know of all leaves that these
        take.
        """
        self._ready()
        batch = Batch(self._files, self._rows([order.token for order in orders]), self._now())
        answers = [
            self._again(order, row) if (row := batch.known(order)) else batch.take(order)
            for order in orders
        ]
        # Before anything is changed.
        try:
            if not self._witness.take(
                [_use(self._files[name], count) for name, count in batch.taken.items()]
            ):
                return None
        except StateLocked as error:
            raise self._not_ours(error) from error
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
        # The witness knows of the leaf. Whether it is there is asked all the same.
        self._vouch(())
        with self._lock:
            self._ready()
            awaited = self._awaited.get(order.token)
            if awaited is not None and awaited.name == order.name:
                reserved = self._found(awaited)
                # Whatever becomes of the write, this leaf never sees a second digest; and it is
                # durable before anything is signed with it.
                del self._awaited[order.token]
                self._commit(Changes(bound=[replace(awaited, digest=order.digest)]))
                return reserved
            row = self._rows([order.token]).get(order.token)
            answer = (
                self._again(order, row)
                if row
                else TokenSpent("no leaf was reserved under this token; reserve one first")
            )
            if isinstance(answer, StateError):
                raise answer
            return answer

    def _again(self, order: Order, row: LedgerRow) -> Reserved | StateError:
        """The leaf that this order got before.

        It signs what it signed then, so it is not a second use.
        """
        if not row.bound and row.token not in self._awaited:
            return TokenSpent(
                f"leaf {row.leaf} waits for no digest any more, and is burned; reserve another"
                " under a new token"
            )
        if not row.fits(order):
            return TokenSpent(
                f"this request token was used before, for another message: leaf {row.leaf} of"
                f" {printed_name(row.name)}"
            )
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
        raise LeaseGone(
            f"leaf {row.leaf} of {printed_name(row.name)} was given to this request, but its lease"
            " is no longer kept"
        )

    def delete(self, name: bytes) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            file = self._files.get(name)
            if file is not None:
                self._commit(Changes(files={name: None}))
                self._witness.note(name, file.lease.first, file.lease.end)

    def quarantine(self, name: bytes, reason: str) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            self._commit(Changes(files={name: replace(self._files[name], quarantine=reason)}))

    def skip(self, name: bytes, leaf: int) -> None:
        """See Store."""
        self._check_skip(name, leaf)
        file = self._files[name]
        self._vouch([Use(name, file.lease.first, leaf, file.lease.end)])
        with self._lock:
            self._ready()
            file = self._check_skip(name, leaf)
            # Also of a file that ends here, and so has no note of its own.
            self._witness.note(name, file.lease.first, leaf)
            self._commit(
                Changes(
                    files={name: NvramFile(file.lease, leaf) if leaf < file.lease.end else None}
                )
            )

    def _check_skip(self, name: bytes, leaf: int) -> NvramFile:
        file = self._files[name]
        first = file.lease.first
        least = max(
            file.next + 1, self._witness.noted(name).get(first, 0), self._witness.floor(name, first)
        )
        if not least <= leaf <= file.lease.end:
            raise LeaseSpent(
                f"{printed_name(name)} can go on at a leaf from {least} to {file.lease.end}, not"
                f" {leaf}; never back"
            )
        return file

    def warn_at(self, name: bytes, count: int) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            file = self._files.get(name)
            if file is not None:
                changed = _warned_at(file, count)
                self._commit(Changes(files={name: changed}, stays=True))

    def put_back(self, reason: str, floors: Mapping[bytes, int]) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            # The doubt first: after a crash in between the next opening puts all into quarantine.
            self._guarded(
                lambda: self._write_past(
                    Past(self.mark, (self.mark.epoch, self.mark.nonce), self.doubt or reason)
                )
            )
            self.doubt = self.doubt or reason
            forgotten, self._spent = self._spent, []
            changed = {
                name: _held(file, floors.get(name, 0), reason) for name, file in self._files.items()
            }
            self._commit(Changes(files=changed, forgotten=forgotten))

    def end_doubt(self) -> None:
        """See Store."""
        with self._lock:
            self._ready()
            if self.doubt:
                self._guarded(
                    lambda: self._write_past(Past(self.mark, (self.mark.epoch, self.mark.nonce)))
                )
                self.doubt = ""

    def tidy(self) -> bool:
        """See Store."""
        with self._lock:
            self._ready()
            now = self._now()
            before = now - self._keep.ledger_days * 86_400_000 if self._keep.ledger_days else 0
            # Burned, for their rows may be gone.
            self._awaited = {
                token: row for token, row in self._awaited.items() if row.time >= before
            }
            old = self._long_used_up(now)
            self._commit(Changes(forgotten=old, ledger_before=before))
            return len(old) == AT_ONCE or bool(before and self._has_rows_before(before))

    def _long_used_up(self, now: int) -> list[SpentLease]:
        kept = self._keep.retry_seconds * 1000
        old = [spent for spent in self._spent if spent.time + kept <= now][:AT_ONCE]
        gone = set(old)
        self._spent = [spent for spent in self._spent if spent not in gone]
        return old

    def beat(self) -> str:
        """See Store. Not under the lock that signing takes: a witness may be slow."""
        if self._closed:
            return ""
        with self._still_ours():
            return self._witness.beat()

    def _vouch(self, uses: Sequence[Use]) -> None:
        self._refuse_after_failure()
        try:
            self._witness.vouch(uses)
        except StateLocked as error:
            raise self._not_ours(error) from error

    @contextlib.contextmanager
    def _still_ours(self) -> Iterator[None]:
        """When the witness says that this NVRAM is another's now, nothing more is done with it."""
        try:
            yield
        except StateLocked as error:
            raise self._not_ours(error) from error

    def _not_ours(self, error: StateLocked) -> StateFailed:
        self._failed = str(error)
        return StateFailed(self._failed)


def _use(file: NvramFile, count: int) -> Use:
    """The next leaves of a file."""
    return Use(file.name, file.lease.first, min(file.next + count, file.lease.end), file.lease.end)


def _were_here(lease: StoredLease) -> str:
    return (
        f"leaves {lease.first} to {lease.end - 1} of {printed_name(lease.name)} were in this NVRAM"
        " before"
    )


def _warned_at(file: NvramFile, count: int) -> NvramFile:
    """A file with another threshold. Raises NotAcknowledged where that would end a warning."""
    standing = file.lease.warnat
    if file.remaining <= standing > count:
        left = counted(file.remaining, "signature")
        what = f"{printed_name(file.name)} has {left} left, so its threshold of {standing} stands"
        how = "acknowledge each signature instead, or bring in another lease"
        raise NotAcknowledged(f"{what}; {how}")
    return replace(file, lease=replace(file.lease, warnat=count))


def _held(file: NvramFile, floor: int, reason: str) -> NvramFile | None:
    """A file in quarantine that goes on at `floor` at the earliest; None when that is its end."""
    following = max(file.next, floor)
    return (
        replace(file, next=following, quarantine=file.quarantine or reason)
        if following < file.lease.end
        else None
    )

"""What can be asked of every NVRAM whose files are all known in memory. Here leaves are handed out;
leases come in through `arrivals`, `decisions` end a file or a doubt, `attesting` opens the NVRAM,
and `contents` has the one way in which anything changes.

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

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from seemachine.state.errors import LeaseGone, StateError, StateFailed, StateLocked, TokenSpent
from seemachine.state.nvram.arrivals import Arrivals
from seemachine.state.nvram.attesting import AttestedNvram
from seemachine.state.nvram.batch import Answer, Batch, Changes, quarantined
from seemachine.state.nvram.decisions import Decisions
from seemachine.state.nvram.ledger import LedgerRow, Order
from seemachine.state.nvram.store import KEEP, Retention
from seemachine.state.records import NvramFile, Reserved, SpentLease
from seemachine.state.witness.protocol import Past, Use
from seemachine.wire.names import printed_name

MAX_AWAITED = 4096
# Between asking the witness and taking the leaves another thread may have taken them.
VOUCHING_TRIES = 8
# Rows, or leases, that are destroyed in one step: a signature waits for one step at most.
AT_ONCE = 250


class MirroredStore(Arrivals, Decisions, AttestedNvram):
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

    def reserve(self, orders: Sequence[Order]) -> list[Answer]:
        """See Store.

        What the witness has to know first it is told without the lock, for it may be slow.
        """
        wanted = Counter(order.name for order in orders)
        for _ in range(VOUCHING_TRIES):
            self._vouch_for(wanted)
            with self._lock:
                answers = self._reserved(orders)
            if answers is not None:
                return answers
        raise StateFailed(
            "others took the leaves that the witness was asked for; no leaf was used; try again"
        )

    def reserve_at_once(self, orders: Sequence[Order]) -> list[Answer] | None:
        """See Store."""
        self._vouch_for(Counter(order.name for order in orders))
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._reserved(orders)
        finally:
            self._lock.release()

    def _vouch_for(self, wanted: Mapping[bytes, int]) -> None:
        """So many leaves of each file."""
        self._vouch(
            [
                _use(file, count)
                for name, count in wanted.items()
                if (file := self._files.get(name)) and not file.quarantine
            ]
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
                self._commit(Changes(bound=[awaited._replace(digest=order.digest)]))
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


def _use(file: NvramFile, count: int) -> Use:
    """The next leaves of a file."""
    return Use(file.name, file.lease.first, min(file.next + count, file.lease.end), file.lease.end)

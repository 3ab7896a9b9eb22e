"""One batch of orders: which leaf each gets, and what of that must become durable together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from seemachine.state.errors import (
    LeaseQuarantined,
    NotAcknowledged,
    NothingToAcknowledge,
    StateError,
    counted,
)
from seemachine.state.nvram.ledger import LedgerRow, Order
from seemachine.state.records import NvramFile, Reserved, SpentLease
from seemachine.wire.names import printed_name

# What became of an order: a leaf, why not, or None where there is no such file.
Answer = Reserved | StateError | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What must become durable together. A file that is None is gone; `bound` rows have a digest.

    `stays`: no leaf is taken. `late`: it was tried before and found no room; some of it may be on
    the disk.
    """

    files: dict[bytes, NvramFile | None] = field(default_factory=dict)
    spent: list[SpentLease] = field(default_factory=list)
    rows: list[LedgerRow] = field(default_factory=list)
    bound: list[LedgerRow] = field(default_factory=list)
    forgotten: list[SpentLease] = field(default_factory=list)
    ledger_before: int = 0
    stays: bool = False
    late: bool = False

    def __bool__(self) -> bool:
        return bool(self.files or self.rows or self.bound or self.forgotten or self.ledger_before)


class Batch:
    """Hands out leaves of `files`, which stay as they are; `rows` are the orders of the ledger that
    came before.
    """

    def __init__(
        self, files: Mapping[bytes, NvramFile], rows: dict[bytes, LedgerRow], now: int
    ) -> None:
        self._files = files
        self._rows = rows
        self._now = now
        self._new: list[LedgerRow] = []
        # How many leaves of each file.
        self.taken: dict[bytes, int] = {}

    def known(self, order: Order) -> LedgerRow | None:
        """The row of the same token, from before or from this batch."""
        return self._rows.get(order.token)

    def take(self, order: Order) -> Answer:
        """The next leaf for a new order."""
        file = self._files.get(order.name)
        taken = self.taken.get(order.name, 0)
        if file is None or taken == file.remaining:
            return None
        if file.quarantine:
            return quarantined(file)
        left = file.remaining - taken
        reason = "" if order.in_case and left > file.lease.warnat else order.reason
        if refused := _unacknowledged(file, left, reason):
            return refused
        leaf = file.next + taken
        asked = order.client, self._now, reason
        row = LedgerRow(order.name, leaf, order.token, order.digest, *asked)
        self._new.append(row)
        self._rows[order.token] = row
        self.taken[order.name] = taken + 1
        return Reserved(file.lease, leaf, file.lease.end - leaf - 1)

    def changes(self) -> Changes:
        """What is stored after the batch."""
        files = {
            name: self._advanced(self._files[name], count) for name, count in self.taken.items()
        }
        return Changes(files, list(self._used_up(files)), self._new)

    def _used_up(self, files: dict[bytes, NvramFile | None]) -> Iterable[SpentLease]:
        return (
            SpentLease(self._files[name].lease, self._now)
            for name, file in files.items()
            if file is None
        )

    @staticmethod
    def _advanced(file: NvramFile, count: int) -> NvramFile | None:
        return None if count == file.remaining else NvramFile(file.lease, file.next + count)


def _unacknowledged(file: NvramFile, left: int, reason: str) -> StateError | None:
    """Why the next of `left` leaves is not taken with this reason, or without one."""
    threshold = file.lease.warnat
    if (left <= threshold) == bool(reason):
        return None
    what = f"{printed_name(file.name)} has {counted(left, 'signature')} left"
    last = f"each of its last {threshold} needs an acknowledgement"
    if not reason:
        # Each client says how one is given.
        return NotAcknowledged(f"{what}, and {last}")
    why = f"only {last}" if threshold else "it has no threshold"
    return NothingToAcknowledge(f"{what}, and {why}; leave the acknowledgement out")


def quarantined(file: NvramFile) -> LeaseQuarantined:
    """Why no leaf of a file is handed out."""
    return LeaseQuarantined(
        f"NVRAM file {printed_name(file.name)} is in quarantine: {file.quarantine}; see: seemachine"
        " quarantine explain"
    )

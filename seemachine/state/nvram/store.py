"""The NVRAM of one machine: the promises that every store keeps.

Order, never to be changed: a leaf is taken off in memory, then durably together with its row in the
ledger, then handed out. A crash or a failed write in between loses the leaf; no path leads back to
it. Only the same order, by its token, gets the same leaf again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seemachine.state.nvram.batch import Answer
from seemachine.state.nvram.ledger import LedgerRow, Order
from seemachine.state.records import NvramFile, Reserved, StoredLease
from seemachine.state.witness.protocol import Mark


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept: used-up leases for orders that come again, in seconds; the ledger,
    in days (0: for ever).
    """

    retry_seconds: int = 3600
    ledger_days: int = 0


KEEP = Retention()


class Store(Protocol):
    """NVRAM. Every change is durable when its call returns. Calls may come from several threads."""

    @property
    def mark(self) -> Mark:
        """Which NVRAM this is, and how often it was opened, counted durably; epoch 0 where nothing
        outlives the process.
        """

    @property
    def epoch(self) -> int:
        """How often this NVRAM was opened."""

    @property
    def doubt(self) -> str:
        """Why what was made with this NVRAM before is not to be used: all its files are in
        quarantine.

        Empty when all is well.
        """

    @property
    def skipped(self) -> list[str]:
        """What was given up at the opening, for it may have been used before: a sentence each."""

    def end_doubt(self) -> None:
        """What lies beside the NVRAM was put into quarantine too; the doubt is over."""

    def install(self, lease: StoredLease) -> None:
        """Put a lease into NVRAM.

        Raises FileExists while its key has a file or all are taken, LeaseSpent for leaves once
        here.
        """

    def check_install(self, lease: StoredLease) -> None:
        """Raise what `install` would, without installing."""

    def reserve(self, orders: Sequence[Order]) -> list[Answer]:
        """Take the next leaf off each file that is asked for, all in one flush; None where there is
        none.

        The last leaf deletes the file.

        An order that came before gets the leaf that it got. LeaseQuarantined, NotAcknowledged,
        NothingToAcknowledge, TokenSpent and LeaseGone are given back as values.
        """

    def reserve_at_once(self, orders: Sequence[Order]) -> list[Answer] | None:
        """The same, unless others are at this NVRAM: then None, and no leaf is taken.

        It waits for the disk alone; where the witness may be slow it is not to be called.
        """

    def bind(self, order: Order) -> Reserved:
        """Bind a leaf that was reserved for a hash to its digest, for good.

        Raises TokenSpent, LeaseGone, LeaseQuarantined.
        """

    def get(self, name: bytes) -> NvramFile | None:
        """One file."""

    def names(self) -> list[bytes]:
        """The names of all files, sorted."""

    def delete(self, name: bytes) -> None:
        """Destroy a file and its leaves. Nothing happens when there is none."""

    def destroy(self, public_key: bytes) -> int:
        """Destroy what there is of a key: its file, and leases that are kept for orders that come
        again. Its rows in the ledger stay.

        Returns how many leaves the file had left; 0 where there is none.
        """

    def quarantine(self, name: bytes, reason: str) -> None:
        """Hand out no leaf of a file until somebody decides."""

    def skip(self, name: bytes, leaf: int) -> None:
        """End a quarantine by going on at a later leaf; at the end of the lease the file is gone.

        Raises LeaseSpent for one not later.
        """

    def warn_at(self, name: bytes, count: int) -> None:
        """Want an acknowledgement of each of a file's last `count` leaves.

        Nothing happens when there is no such file. Raises NotAcknowledged for fewer while one is
        wanted now.
        """

    def put_back(self, reason: str, floors: Mapping[bytes, int]) -> None:
        """This NVRAM was put back, as is known from elsewhere: all goes into quarantine, and no
        file stays at a leaf before its floor.
        """

    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """Up to `most` rows after number `after`, oldest first, with their numbers."""

    def tidy(self) -> bool:
        """Now and then: destroy what is kept no longer.

        Returns whether there is more to destroy, which is for another call, lest others wait.
        """

    def beat(self) -> str:
        """Every few seconds: the witness makes sure of what it knows.

        Returns what a person should know of, or an empty text.

        Raises StateFailed when it could not; for good when this NVRAM is another's now.
        """

    def close(self) -> None:
        """Give everything back.

        Raises StateFailed when the witness could not be told something; all else is done.
        """

"""How far each lease of a machine was used, and how far it may be used before the database knows
more.

A lease may go no further than `allowed`, which the database had before. For somebody who signs now
and then that is exactly the leaf that is asked for; for somebody who signs a lot it is up to
MOST_AHEAD leaves more, so that not each signature waits for the database. What was allowed and is
not used is given back when the lease rests, and at an orderly end.

What is lost: when a machine ends without order, the leaves that were allowed and not used, for they
can't be told from leaves that were used and forgotten by an NVRAM that was put back. That is none
for a lease that rested for a beat or two, and at most MOST_AHEAD of one in heavy use.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seemachine.state.witness.protocol import Use

MOST_AHEAD = 256
# NVRAM file and first leaf of a lease.
Key = tuple[bytes, int]


@dataclass(slots=True)
class _Lease:
    # Leaves before it were used; leaves before it are being used; leaves before it may have been
    # used by an earlier opening.
    used: int = 0
    taken: int = 0
    floor: int = 0
    # Leaves before it may be used.
    allowed: int = -1
    # Its end, where it was claimed.
    until: int | None = None
    # How many more are asked for next time, how often that was since the last beat, and where it
    # stood then.
    more: int = 0
    asked: int = 0
    rested: int = -1
    # Whether the database lacks something of this.
    dirty: bool = False

    @property
    def ahead(self) -> int:
        """What the database is to know as possible.

        What it knew before is not less possible now.
        """
        return max(self.allowed, self.used, self.taken, self.floor)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """What the database is told of a lease: leaves before `next` were used, those before `ahead`
    may be.

    `until` is its end where it was claimed.
    """

    name: bytes
    first: int
    next: int
    ahead: int
    until: int | None = None


class Leases:
    """Calls may come from several threads.

    `wanted`, `beat` and `end` say what to write to the database, `allow` and `written` that it has
    it: one exchange at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[Key, _Lease] = {}

    def recall(
        self, name: bytes, first: int, used: int, ahead: int, until: int | None = None
    ) -> None:
        """What the database knows of an earlier opening."""
        with self._lock:
            self._leases[name, first] = _Lease(used=used, taken=used, floor=ahead, until=until)

    def note(self, name: bytes, first: int, following: int) -> None:
        """Leaves before `following` were used."""
        with self._lock:
            lease = self._leases.setdefault((name, first), _Lease())
            lease.dirty = lease.dirty or following > lease.used
            lease.used = max(lease.used, following)

    def claimed(self, name: bytes, first: int, end: int) -> None:
        """A lease came in, and the database knows it."""
        self.recall(name, first, first, first, end)

    def used(self, name: bytes) -> dict[int, int]:
        """The next leaf of each lease of a file, by first leaf."""
        with self._lock:
            return {first: lease.used for (of, first), lease in self._leases.items() if of == name}

    def floor(self, name: bytes, first: int) -> int:
        """No leaf before this one can be known to be unused by an earlier opening."""
        lease = self._leases.get((name, first))
        return lease.floor if lease is not None else 0

    def take(self, uses: Sequence[Use]) -> bool:
        """Have these leaves count as being used, if all of them are allowed."""
        with self._lock:
            if any(use.following > self._lease(use).allowed for use in uses):
                return False
            for use in uses:
                self._lease(use).taken = max(self._lease(use).taken, use.following)
            return True

    def lacking(self, uses: Iterable[Use]) -> list[Use]:
        """Those that are not allowed."""
        with self._lock:
            return [use for use in uses if use.following > self._lease(use).allowed]

    def wanted(self, uses: Iterable[Use]) -> list[LeaseRow]:
        """What has to be told before these leaves are allowed; nothing when all are."""
        lacking = self.lacking(uses)
        with self._lock:
            return [self._asking(use) for use in lacking]

    def _lease(self, use: Use) -> _Lease:
        return self._leases.setdefault((use.name, use.first), _Lease())

    def _asking(self, use: Use) -> LeaseRow:
        lease = self._lease(use)
        ahead = min(use.end, use.following + lease.more)
        lease.more, lease.asked = min(MOST_AHEAD, max(1, 2 * lease.more)), lease.asked + 1
        return LeaseRow(
            use.name, use.first, max(lease.used, use.first), max(ahead, lease.floor), lease.until
        )

    def beat(self) -> list[LeaseRow]:
        """What is to be told now.

        A lease that rested since the last beat gives back what it did not use.
        """
        with self._lock:
            for lease in self._leases.values():
                self._rest(lease)
            return self._unwritten()

    def end(self) -> list[LeaseRow]:
        """What is to be told at an orderly end: all leases give back what they did not use."""
        with self._lock:
            for lease in self._leases.values():
                self._give_back(lease)
            return self._unwritten()

    def all(self) -> list[LeaseRow]:
        """What is to be told to a database that may have lost some of what it was told."""
        with self._lock:
            return [self._row(key) for key in self._leases]

    def allow(self, rows: Iterable[LeaseRow]) -> None:
        """The database has these rows."""
        with self._lock:
            for row in rows:
                lease = self._leases[row.name, row.first]
                lease.allowed = max(lease.allowed, row.ahead)
                lease.dirty = lease.used > row.next

    def written(self, rows: Iterable[LeaseRow]) -> None:
        """The database has these rows of a beat."""
        with self._lock:
            for row in rows:
                lease = self._leases[row.name, row.first]
                lease.dirty = lease.used > row.next or lease.allowed > row.ahead

    def _unwritten(self) -> list[LeaseRow]:
        return [self._row(key) for key, lease in self._leases.items() if lease.dirty]

    def _row(self, key: Key) -> LeaseRow:
        lease = self._leases[key]
        return LeaseRow(*key, lease.used, lease.ahead, lease.until)

    def _rest(self, lease: _Lease) -> None:
        if lease.asked <= 1:
            lease.more //= 2
        if not lease.asked and lease.rested == lease.taken:
            self._give_back(lease)
        lease.asked, lease.rested = 0, lease.taken

    @staticmethod
    def _give_back(lease: _Lease) -> None:
        """No more may be used before the database is asked again.

        First here, then there: swapped, a leaf could be used in between.
        """
        kept = max(lease.used, lease.taken)
        if lease.allowed > kept:
            lease.allowed, lease.more, lease.dirty = kept, 0, True

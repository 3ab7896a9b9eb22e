"""The ledger of the file store: records of one length, appended and flushed; a leaf that was bound
later has a second record.
"""

from pathlib import Path

from seemachine.state.disk.durable import replace_file, write_end
from seemachine.state.errors import StateCorrupt
from seemachine.state.nvram.ledger import OF_HASH, LedgerRow
from seemachine.state.nvram.ledger_copy import LedgerCopy
from seemachine.state.nvram.ledger_record import RECORD, decode, encode

# Records of a ledger that is not written again for a few old ones: 4.7 MB.
LONG = 4096


class LedgerFile:
    """All rows in memory, in order, numbered from 1. Raises StateCorrupt, OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[LedgerRow] = []
        self._by_token: dict[bytes, int] = {}
        self._records = 0
        # False from the begin of a rewriting to its end: if it fails, either of two files may be
        # there.
        self._known = True
        # What takes the place of the file without its old rows.
        self._copy: LedgerCopy | None = None
        if path.exists():
            self._read(path.read_bytes())

    def find(self, token: bytes) -> LedgerRow | None:
        """The row of a token."""
        index = self._by_token.get(token)
        return None if index is None else self.rows[index]

    def append(self, rows: list[LedgerRow]) -> None:
        """Add rows durably, or give those that are there their digest."""
        if not self._known:
            self._rewrite([*self.rows, *rows])
            return
        data = b"".join(encode(row, self._records) for row in rows)
        # At its place rather than at the end, and nothing stays after it: what is left of a write
        # that failed must not be read one day, for its orders may have been asked again meanwhile.
        write_end(self._path, self._records * RECORD.size, data)
        self._records += len(rows)
        for row in rows:
            self._take(row)

    @property
    def is_pruned(self) -> bool:
        """Whether nothing is left to do of what `prune` began."""
        return self._copy is None

    def prune(self, before: int) -> None:
        """Drop rows older than a time in milliseconds, and second records; in steps, each of which
        is a call, and of a long ledger not few rows at a time.
        """
        if self._copy is None:
            rows = [row for row in self.rows if row.time >= before]
            if self._records - len(rows) <= (self._records // 4 if self._records >= LONG else 0):
                return
            self._copy = LedgerCopy(self._path, before)
        try:
            if self._copy.step(self.rows):
                self._succeed(self._copy)
        except BaseException:
            # It may have the name already, and must not be built on.
            self._copy.discard()
            self._copy = None
            raise

    def _succeed(self, copy: LedgerCopy) -> None:
        """The copy is the ledger from here on."""
        self._known = False
        copy.take_name()
        self.rows, self._by_token, self._records = copy.rows, copy.by_token, copy.records
        self._copy, self._known = None, True

    def _rewrite(self, rows: list[LedgerRow]) -> None:
        self._known = False
        replace_file(self._path, b"".join(encode(row, number) for number, row in enumerate(rows)))
        self.rows, self._by_token, self._records, self._known = [], {}, len(rows), True
        for row in rows:
            self._take(row)

    def _take(self, row: LedgerRow) -> None:
        known = self._by_token.get(row.token)
        if known is not None and self.rows[known].leaf == row.leaf:
            self.rows[known] = row
            if self._copy is not None:
                self._copy.bind(row, known)
            return
        self._by_token[row.token] = len(self.rows)
        self.rows.append(row)

    def _read(self, data: bytes) -> None:
        size = RECORD.size
        found = [decode(data[start : start + size]) for start in range(0, len(data), size)]
        torn = found.index(None) if None in found else len(found)
        for number, record in enumerate(found):
            if record is not None:
                self._check(record, number, torn)
                self._take(record[1])
        self._records = len(found)
        if torn < len(found):
            self._rewrite(self.rows)

    def _check(self, record: tuple[int, LedgerRow], number: int, torn: int) -> None:
        """A write that a crash cut short may lack any of its records.

        What was written after it says that it was whole.
        """
        began, row = record
        if number > torn and began > torn:
            raise StateCorrupt(f"{self._path}: record {torn} is damaged")
        known = self.find(row.token)
        if known is not None and known.leaf == row.leaf and known.digest != OF_HASH:
            raise StateCorrupt(f"{self._path}: leaf {row.leaf} is bound twice")

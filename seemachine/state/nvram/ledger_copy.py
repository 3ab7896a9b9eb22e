"""A ledger file that is written again without its old rows, some at a time, while others go on with
the file that is there.

Order, never to be changed, in `take_name`: all rows that stay, and all digests that were bound
meanwhile, are durable in the copy; then it takes the name. Until then the file counts, and what a
crash leaves of the copy is written over by the next one.
"""

import contextlib
from pathlib import Path

from seemachine.state.disk.durable import flush_folder, write_end
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.ledger_record import RECORD, encode

# Rows that are looked at in one step: a signature waits for one step at most.
STEP = 500


class LedgerCopy:
    """The rows of the ledger at `path` from a time in milliseconds on, and which token has which.

    Raises OSError; then it is of no use, and the file stays.
    """

    def __init__(self, path: Path, before: int) -> None:
        self._path, self._before = path, before
        self._scratch = path.with_name(f".{path.name}.new")
        self.rows: list[LedgerRow] = []
        self.by_token: dict[bytes, int] = {}
        self.records = 0
        # How many rows of the ledger were looked at; those that were bound after that.
        self._seen = 0
        self._bound: list[LedgerRow] = []

    def step(self, rows: list[LedgerRow]) -> bool:
        """Copy some more of the ledger's rows, durably. Returns whether all were looked at."""
        looked = rows[self._seen : self._seen + STEP]
        kept = [row for row in looked if row.time >= self._before]
        self._write(kept)
        for row in kept:
            self.by_token[row.token] = len(self.rows)
            self.rows.append(row)
        self._seen += len(looked)
        return self._seen == len(rows)

    def bind(self, row: LedgerRow, index: int) -> None:
        """The row at this place of the ledger has its digest now."""
        if index < self._seen and row.time >= self._before:
            self.rows[self.by_token[row.token]] = row
            self._bound.append(row)

    def take_name(self) -> None:
        """Take the place of the ledger, which has no rows that were not looked at."""
        self._write(self._bound)
        self._scratch.replace(self._path)
        flush_folder(self._path.parent)

    def discard(self) -> None:
        """Leave nothing of it, if the disk lets us."""
        with contextlib.suppress(OSError):
            self._scratch.unlink(missing_ok=True)

    def _write(self, rows: list[LedgerRow]) -> None:
        first = self.records
        data = b"".join(encode(row, number) for number, row in enumerate(rows, first))
        # The first write, of whatever length, cuts off what an earlier copy left.
        write_end(self._scratch, first * RECORD.size, data)
        self.records += len(rows)

"""What the SQLite store executes to change something."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seemachine.state.nvram import rows
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.records import NvramFile, StoredLease
from seemachine.state.witness.protocol import Past

NEW_ROWS = """INSERT INTO ledger (name, leaf, token, digest, client, time, reason, checksum)
              VALUES """
ROW_MARKS = "(?, ?, ?, ?, ?, ?, ?, ?)"
# Rows in one statement, a power of two: sqlite3 gives Python's lock up for each statement, and
# under load waits to have it back. Of one size there is one text, which stays prepared.
MOST_ROWS = 64
# A digest is given once.
BIND_ROW = "UPDATE ledger SET digest = ?, checksum = ? WHERE token = ? AND digest = X'71'"
OPENED = """UPDATE opening SET identity = ?, epoch = ?, nonce = ?, place = ?,
            before_epoch = ?, before_nonce = ?, doubt = ?, checksum = ?"""
ADVANCE = """UPDATE nvram SET next = ?, quarantine = ?, signer = ?, warnat = ?, checksum = ?
             WHERE name = ?"""
KEEP_SPENT = "INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
FORGET = "DELETE FROM spent WHERE public_key = ? AND first = ?"
# Of so many rows, the oldest: those before the first that is young enough. The newest of all stays,
# for numbers go on from it.
PRUNE = """DELETE FROM ledger WHERE number <
           (SELECT COALESCE(MIN(CASE WHEN time >= ? THEN number END), MAX(number))
            FROM (SELECT number, time FROM ledger ORDER BY number LIMIT ?))"""


class Statement(NamedTuple):
    """SQL, its values, and how many rows it is to change."""

    sql: str
    values: tuple[object, ...]
    rows: int = 1


def opened(past: Past) -> list[Statement]:
    """An opening."""
    values = rows.past_values(past)
    return [Statement(OPENED, (*values, rows.checksum(values)))]


def installed(lease: StoredLease) -> list[Statement]:
    """A lease that comes in."""
    row = (lease.public_key, lease.first, lease.end)
    file = rows.columns(NvramFile(lease, lease.first))
    return [
        Statement("INSERT INTO installed VALUES (?, ?, ?, ?)", (*row, rows.checksum(row))),
        # In place of a used-up file that a full disk kept from being deleted.
        Statement("INSERT OR REPLACE INTO nvram VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", file),
    ]


def changed(changes: Changes) -> list[Statement]:
    """All of them but the rows of the ledger that are too old."""
    stays = changes.stays or changes.late
    return [
        *(_change(name, file, stays=stays) for name, file in changes.files.items()),
        *(Statement(KEEP_SPENT, rows.spent_columns(spent)) for spent in changes.spent),
        *_new_rows(changes.rows),
        *(Statement(BIND_ROW, (row.digest, row.checksum, row.token)) for row in changes.bound),
        *(
            Statement(FORGET, (spent.lease.public_key, spent.lease.first))
            for spent in changes.forgotten
        ),
    ]


def known(tokens: Sequence[bytes]) -> tuple[str, tuple[object, ...]]:
    """What finds the rows of tokens, of which there are some."""
    # Of few sizes, so that it stays prepared; a token that comes twice changes nothing.
    whole = (*tokens, *[tokens[-1]] * (_power_from(len(tokens)) - len(tokens)))
    marks = ", ".join("?" * len(whole))
    return f"SELECT * FROM ledger WHERE token IN ({marks})", whole  # noqa: S608 - question marks alone


def _change(name: bytes, file: NvramFile | None, *, stays: bool) -> Statement:
    if file is None:
        return Statement("DELETE FROM nvram WHERE name = ?", (name,))
    values = rows.columns(file)
    # Never backwards, whatever this process believes; in quarantine, and with another threshold,
    # the leaf stays where it is.
    order = "next <= ?" if file.quarantine or stays else "next < ?"
    return Statement(f"{ADVANCE} AND {order}", (*values[-5:], name, file.next))


def _new_rows(new: Sequence[LedgerRow]) -> Iterator[Statement]:
    """They are numbered in their order."""
    done = 0
    while left := len(new) - done:
        count = min(MOST_ROWS, _power_up_to(left))
        values = [
            value
            for row in new[done : done + count]
            for value in (*rows.ledger_columns(row), row.checksum)
        ]
        yield Statement(NEW_ROWS + ", ".join([ROW_MARKS] * count), tuple(values), count)
        done += count


def _power_up_to(number: int) -> int:
    """The highest power of two that is not higher."""
    return 1 << number.bit_length() - 1


def _power_from(number: int) -> int:
    """The lowest power of two that is not lower."""
    return 1 << (number - 1).bit_length()

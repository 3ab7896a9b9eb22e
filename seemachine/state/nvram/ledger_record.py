"""A record of the file store's ledger: one row, in a length that all of them have."""

import hashlib
import struct

from seemachine.state.nvram.ledger import LedgerRow

# Number of the first record that was written with it; name, leaf, token, time; lengths of digest,
# client and reason, all three; checksum. The 64 characters of a client's name are up to 256 bytes,
# the 200 of a reason up to 800.
RECORD = struct.Struct(">I11sI16sQBHH33s256s800s8s")


def encode(row: LedgerRow, began: int) -> bytes:
    """A row as a record of a write whose first record has the number `began`."""
    client, reason = row.client.encode(), row.reason.encode()
    lengths, texts = (len(row.digest), len(client), len(reason)), (row.digest, client, reason)
    fields = (row.name, row.leaf, row.token, row.time, *lengths, *texts)
    return RECORD.pack(began, *fields, _checksum(row, began))


def decode(record: bytes) -> tuple[int, LedgerRow] | None:
    """A record, or None for a torn or damaged one."""
    if len(record) != RECORD.size:
        return None
    began, name, leaf, token, time, *rest = RECORD.unpack(record)
    digest, client, reason = (
        text[:length] for length, text in zip(rest[:3], rest[3:6], strict=True)
    )
    try:
        row = LedgerRow(name, leaf, token, digest, client.decode(), time, reason.decode())
    except UnicodeDecodeError:
        return None
    return (began, row) if encode(row, began) == record else None


def _checksum(row: LedgerRow, began: int) -> bytes:
    return hashlib.sha256(row.checksum + began.to_bytes(4, "big")).digest()[:8]

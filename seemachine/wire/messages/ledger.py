"""The ledger: every leaf that a machine handed out."""

from seemachine.wire.fields import number, octets, records, sentence, text, wire_class
from seemachine.wire.messages.sizes import (
    MAX_ACKNOWLEDGEMENT,
    MAX_CLIENT,
    MAX_LEDGER_PAGE,
    MAX_NODE,
    U32,
    U64,
)
from seemachine.wire.names import FILE_NAME_BYTES, TOKEN_BYTES
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class LedgerEntry(Record):
    """A leaf that was handed out; `row` is its number in the ledger, `time` in milliseconds since
    1970.

    `reason` is its acknowledgement, empty where none was needed. `digest` is what the leaf is bound
    to: `m` and the SHA-256 of the message, `q` and the client's Q, or `q` alone while Q is awaited.
    """

    row: int = number(1, U64)
    file: bytes = octets(FILE_NAME_BYTES)
    leaf: int = number(0, U32)
    token: bytes = octets(TOKEN_BYTES)
    digest: bytes = octets(1, 1 + MAX_NODE)
    client: str = text(MAX_CLIENT)
    time: int = number(0, U64)
    reason: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


@wire_class
class LedgerPage(Record):
    """Entries in order; fewer than were asked for at the end of the ledger."""

    entries: list[LedgerEntry] = records(LedgerEntry, MAX_LEDGER_PAGE)


@wire_class
class ReadLedger(
    Request[LedgerPage],
    name="nvram_ledger",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
):
    """Ask for up to `most` entries of the machine's ledger after row `after`."""

    after: int = number(0, U64)
    most: int = number(1, MAX_LEDGER_PAGE)

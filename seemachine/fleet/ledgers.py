"""The ledgers of the machines of a fleet, row by row."""

from collections.abc import Iterator
from typing import Any

from seeclient import blocking
from seeclient.effects import Peer, Story, ask

from seemachine.wire.messages import MAX_LEDGER_PAGE, LedgerEntry, ReadLedger
from seemachine.wire.status import Status, StatusError


def rows_of(fleet: blocking.Fleet, peer: Peer) -> Iterator[dict[str, Any]]:
    """The whole ledger of one machine, in JSON form."""
    after = 0
    while True:
        entries = fleet.run(_page(peer, after))
        for entry in entries:
            # A machine that begins again and again would never come to an end.
            if entry.row <= after:
                raise StatusError(Status.Malformed, f"the ledger of {peer.esn} is not in order")
            after = entry.row
            yield _as_json(peer, entry)
        if len(entries) < MAX_LEDGER_PAGE:
            return


def _page(peer: Peer, after: int) -> Story[list[LedgerEntry]]:
    page = yield from ask(peer, ReadLedger(after=after, most=MAX_LEDGER_PAGE))
    return page.entries


def _as_json(peer: Peer, entry: LedgerEntry) -> dict[str, Any]:
    return {
        "esn": peer.esn,
        "nvram": peer.greeting.nvram.hex(),
        "row": entry.row,
        "file": entry.file.hex(),
        "leaf": entry.leaf,
        "digest": entry.digest.hex(),
        "token": entry.token.hex(),
        "client": entry.client,
        "time": entry.time,
        "reason": entry.reason,
    }

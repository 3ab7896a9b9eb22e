"""NVRAM that forgets: for tests and `--ephemeral`. Every promise but durability."""

import os
from collections.abc import Sequence

from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.store import KEEP, Retention
from seemachine.state.records import StoredLease
from seemachine.state.witness.protocol import Mark, Past


class MemoryStore(MirroredStore):
    """See Store. Its epoch is 0, and its identity another one each time."""

    def __init__(self, keep: Retention = KEEP) -> None:
        super().__init__([], [], Past(Mark(os.urandom(16), 0, os.urandom(8))), keep)
        # Without their seeds: public key, first leaf, end.
        self._installed: list[tuple[bytes, int, int]] = []
        self._ledger: list[LedgerRow] = []
        self._by_token: dict[bytes, int] = {}

    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            return list(enumerate(self._ledger, 1))[after : after + most]

    def _was_installed(self, lease: StoredLease) -> bool:
        return any(
            past == lease.public_key and first < lease.end and lease.first < end
            for past, first, end in self._installed
        )

    def _write_install(self, lease: StoredLease) -> None:
        self._installed.append((lease.public_key, lease.first, lease.end))

    def _write(self, changes: Changes) -> None:
        for row in changes.rows:
            self._by_token[row.token] = len(self._ledger)
            self._ledger.append(row)
        for row in changes.bound:
            self._ledger[self._by_token[row.token]] = row

    def _write_past(self, past: Past) -> None:
        pass

    def _rows(self, tokens: Sequence[bytes]) -> dict[bytes, LedgerRow]:
        return {
            token: self._ledger[self._by_token[token]]
            for token in tokens
            if token in self._by_token
        }

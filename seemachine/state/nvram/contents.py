"""An NVRAM that is open: all its files in memory, the one way in which they change, and what is
doubted of them.

Order, never to be changed, in `_commit`: memory first, then durable, then what the witness is told.
"""

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace

from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram.batch import Changes
from seemachine.state.records import NvramFile, SpentLease
from seemachine.state.witness.protocol import Mark, NoWitness, Past, Witness
from seemachine.wire.names import printed_name


class OpenNvram(ABC):
    """The part of a store that changes its files; subclasses make changes durable.

    Owned by one process for life.
    """

    def __init__(self, files: Iterable[NvramFile], spent: Iterable[SpentLease], past: Past) -> None:
        self._files = {file.name: file for file in files}
        self._spent = list(spent)
        self._lock = threading.Lock()
        # Why nothing more is done; empty while all is well.
        self._failed = ""
        self._closed = False
        self._clock: Callable[[], float] = time.time
        self._witness: Witness = NoWitness()
        self.mark = past.last
        self.doubt = past.doubt
        self.skipped: list[str] = []

    @abstractmethod
    def _write(self, changes: Changes) -> None:
        """Make changes durable, all in one flush. Raises StateFailed."""

    @abstractmethod
    def _write_past(self, past: Past) -> None:
        """Remember an opening, durably. Raises StateFailed."""

    @property
    def epoch(self) -> int:
        """How often this NVRAM was opened."""
        return self.mark.epoch

    def get(self, name: bytes) -> NvramFile | None:
        """See Store."""
        return self._files.get(name)

    def names(self) -> list[bytes]:
        """See Store."""
        return sorted(self._files)

    def close(self) -> None:
        """See Store. Nothing can be asked afterwards."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self._witness.release()

    def _attest(self, past: Past, witness: Witness | None, place: bytes) -> None:
        """Compare with what the witness remembers, put into quarantine what does not agree, and
        count this opening.
        """
        self._witness = witness or NoWitness()
        doubt = self._witness.meet(past, place) or past.doubt
        # Before the opening is counted: a crash in between must find the same doubt again.
        self._commit(self._suspended(doubt))
        self._skip_to_floors()
        before = self._witness.last(past.last.identity) or past.last
        mark = Mark(
            past.last.identity, max(before.epoch, past.last.epoch) + 1, os.urandom(8), place
        )
        self._write_past(Past(mark, (before.epoch, before.nonce), doubt))
        self._witness.advance(mark, doubt)
        for file in self._files.values():
            self._witness.note(file.name, file.lease.first, file.next)
        self.mark, self.doubt = mark, doubt

    def _suspended(self, doubt: str) -> Changes:
        against = self._witness.against
        reasons = {
            name: doubt or against(name, file.lease.first, file.next)
            for name, file in self._files.items()
            if not file.quarantine
        }
        files: dict[bytes, NvramFile | None] = {
            name: replace(self._files[name], quarantine=reason)
            for name, reason in reasons.items()
            if reason
        }
        forgotten = self._spent if doubt else []
        self._spent = [] if doubt else self._spent
        return Changes(files=files, forgotten=forgotten)

    def _skip_to_floors(self) -> None:
        """Past leaves that the last opening may have used, as nobody can tell any more: a few are
        lost.
        """
        files = [file for file in self._files.values() if not file.quarantine]
        floors = [
            (file, min(self._witness.floor(file.name, file.lease.first), file.lease.end))
            for file in files
        ]
        behind = [(file, floor) for file, floor in floors if floor > file.next]
        self._commit(
            Changes(
                {
                    file.name: NvramFile(file.lease, floor) if floor < file.lease.end else None
                    for file, floor in behind
                }
            )
        )
        for file, floor in behind:
            # Also of one that ends here.
            self._witness.note(file.name, file.lease.first, floor)
            self.skipped.append(_given_up(file, floor))

    def _commit(self, changes: Changes) -> None:
        """In memory first: whatever becomes of the write, leaves that were taken are not handed out
        again by this process.
        """
        if not changes:
            return
        for name, file in changes.files.items():
            if file is None:
                self._files.pop(name, None)
            else:
                self._files[name] = file
        self._guarded(lambda: self._write(changes))
        self._spent += changes.spent
        self._tell_witness(changes)

    def _tell_witness(self, changes: Changes) -> None:
        for file in changes.files.values():
            if file is not None:
                self._witness.note(file.name, file.lease.first, file.next)
        for spent in changes.spent:
            self._witness.note(spent.lease.name, spent.lease.first, spent.lease.end)

    def _guarded(self, write: Callable[[], None]) -> None:
        """After a failed flush nobody knows what the disk holds, and a second flush would not tell:
        the machine must be started again.
        """
        try:
            write()
        except DiskFull:
            raise
        except StateFailed:
            self._failed = (
                "an earlier write did not become durable; restart the machine once the disk is in"
                " order"
            )
            raise

    def _now(self) -> int:
        # Neither the ledger's file nor the wire has a time before 1970.
        return max(0, int(self._clock() * 1000))

    def _refuse_after_failure(self) -> None:
        if self._closed:
            raise StateFailed("the store is closed")
        if self._failed:
            raise StateFailed(self._failed)


def _given_up(file: NvramFile, floor: int) -> str:
    lost = (
        f"leaf {file.next} of"
        if floor == file.next + 1
        else f"leaves {file.next} to {floor - 1} of"
    )
    return (
        f"{lost} {printed_name(file.name)} may have been used before the machine ended without"
        " order, so nothing is signed with it"
    )

"""An NVRAM that is open: all its files in memory, and the one way in which they change.

Order, never to be changed, in `_commit`: memory first, then durable, then what the witness is told.
"""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from seemachine.state.errors import DiskFull, StateFailed, StateLocked
from seemachine.state.nvram.batch import Changes
from seemachine.state.records import NvramFile, SpentLease
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.protocol import Past, Use, Witness


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
        # What found no room: memory knows it, the disk may not.
        self._late = Changes()
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

    def beat(self) -> str:
        """See Store. Not under the lock that signing takes: a witness may be slow."""
        if self._closed:
            return ""
        with self._still_ours():
            return self._witness.beat()

    def close(self) -> None:
        """See Store. Nothing can be asked afterwards."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self._witness.release()

    def _ready(self) -> None:
        """What found no room comes before what builds on memory: answers, changes, the end of a
        row.
        """
        self._refuse_after_failure()
        late, self._late = self._late, Changes()
        self._commit(late)

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
        try:
            self._guarded(lambda: self._write(changes))
        except DiskFull:
            # Without the rows of the ledger: whoever was refused asks again.
            self._late = replace(changes, rows=[], bound=[], ledger_before=0, late=True)
            raise
        self._spent += changes.spent
        self._note_changes(changes)

    def _note_changes(self, changes: Changes) -> None:
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

    def _vouch(self, uses: Sequence[Use]) -> None:
        self._refuse_after_failure()
        try:
            self._witness.vouch(uses)
        except StateLocked as error:
            raise self._not_ours(error) from error

    @contextlib.contextmanager
    def _still_ours(self) -> Iterator[None]:
        """When the witness says that this NVRAM is another's now, nothing more is done with it."""
        try:
            yield
        except StateLocked as error:
            raise self._not_ours(error) from error

    def _not_ours(self, error: StateLocked) -> StateFailed:
        self._failed = str(error)
        return StateFailed(self._failed)

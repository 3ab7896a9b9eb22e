"""How pipsqueak answers: what output_text.py and output_json.py have in common."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from seeclient.algorithms.lms.provisioning import Provisioned
from seeclient.effects import Roster
from seeclient.events import Event
from seeclient.folders.events import Event as FolderEvent
from seeclient.folders.events import Totals
from seeclient.keyfile import KeyFile
from seeclient.results import KeyInfo, Signed
from seemachine.wire.status import StatusError

# Longer messages are signed whole but shown in part; the vendor prints all of them.
SHOWN_BYTES = 4096


class Output(Protocol):
    """Where a command says what it did."""

    # What of the job is done by now, for when nobody reads on; empty where there is no job to do.
    outcome: str

    def machines(self, roster: Roster) -> None:
        """Who answered, and who did not."""

    def event(self, event: Event) -> None:
        """A step of a generation."""

    def generated(self, key: KeyFile) -> None:
        """A key was made."""

    def listing(self, keys: Iterable[tuple[str, str]]) -> None:
        """The keys of this host."""

    def info(self, info: KeyInfo) -> None:
        """A key and its machines."""

    def key(self, key: KeyFile) -> None:
        """The key that is about to be used."""

    def message(self, name: str, head: bytes, *, more: bool) -> None:
        """What is signed or verified: its beginning, and whether there is more."""

    def signature(self, key: KeyFile, signed: Signed, seconds: float, path: str | None) -> None:
        """A signature, or where it was written."""

    def verified(self, key: KeyFile, seconds: float | None, *, good: bool, form: str = "") -> None:
        """The outcome of a verification, and the encoding of the signature where it is not
        the usual one.
        """

    def folder(self, key: KeyFile, messages: str, signatures: str, count: int) -> None:
        """So many files of a folder are about to be signed."""

    def file(self, event: FolderEvent, remaining: int) -> None:
        """What became of one of them."""

    def folder_done(self, key: KeyFile, totals: Totals) -> None:
        """That was the last."""

    def threshold(self, key: KeyFile, count: int) -> None:
        """The threshold of a key was set."""

    def provisioning(self, esn: str, slot: int) -> None:
        """A lease is about to be moved."""

    def provisioned(self, moved: Provisioned) -> None:
        """A lease was moved."""

    def refused(self, error: StatusError, summary: str) -> None:
        """The command failed: why, and what."""

    def note(self, error: StatusError) -> None:
        """Something failed that does not fail the command."""

    def advise(self, sentence: str) -> None:
        """What to do, beside what the guide prints; nothing for an empty sentence."""

    def close(self, exit_code: int) -> None:
        """The command is over."""

    def abandon(self) -> None:
        """The command was interrupted."""


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Name it where it can't be written."""
    try:
        yield
    except OSError as error:
        error.filename = "standard output"
        raise

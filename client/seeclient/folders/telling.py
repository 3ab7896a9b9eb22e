"""What becomes of the files of a folder, as it is told while they are signed, and in the end."""

import time
from collections.abc import Iterator, Sequence
from copy import copy

from seeclient import advice, connecting, dispatch
from seeclient.folders.events import (
    Event,
    FileFailed,
    FileKept,
    FileSigned,
    FileSkipped,
    Totals,
)
from seeclient.folders.names import WHERE
from seeclient.folders.signing import FolderSigning
from seeclient.keyfile import KeyFile
from seeclient.output import Output
from seemachine.wire.printable import printable
from seemachine.wire.status import StatusError

SUMMARY = "sign failed"
NOTHING = "no signature was made"
KEPT = "what was asked for is kept"
GO_ON = "run the same command again to continue"
# Of refusals that are over when a machine is there again.
OF_MACHINES = (connecting.CONNECT, dispatch.WHERE_ESN)


class Told:
    """What is told of the files to one output."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._began = time.perf_counter()
        self._signing: FolderSigning | None = None
        self._count = self._signed = self._replaced = self._kept = self._skipped = 0
        self._failed: list[FileFailed] = []

    def begin(self, signing: FolderSigning) -> None:
        """From now on something may become of them."""
        self._signing = signing
        self._count = len(signing.names) + len(signing.unreadable)

    def take(self, event: Event) -> None:
        """One of them."""
        match event:
            case FileSigned():
                self._signed += 1
                self._replaced += event.replaced
            case FileKept():
                self._kept += 1
            case FileFailed():
                self._failed.append(event)
            case FileSkipped():
                self._skipped += 1
        left = self._count - self._signed - self._kept - len(self._failed)
        self._output.file(event, max(0, left))

    def so_far(self) -> str:
        """What is done, for whoever breaks off."""
        signing = self._signing
        if signing is None or not (signing.written or signing.asked):
            return NOTHING
        done = f"{signing.written} of {signing.wanted} signed"
        if signing.written == signing.wanted:
            return done
        return "; ".join([done, *([KEPT] if signing.asked else []), GO_ON])

    def end(self, key: KeyFile, *, document: bool) -> int:
        """That was all of them. Returns the exit code."""
        causes = [*causes_of(self._failed)]
        alike = len(causes) == 1 and not self._signed + self._kept
        for cause in [] if alike else causes:
            self._output.note(cause)
        seconds = time.perf_counter() - self._began
        failed = len(self._failed)
        totals = Totals(self._signed, self._kept, failed, seconds, self._replaced, self._skipped)
        self._output.folder_done(key, totals)
        self._output.advise(self._without_file())
        if not self._failed:
            return 0
        first = self._failed[0].error
        what = f"{failed} of {self._count} files are not signed"
        refused = causes[0] if alike else StatusError(first.status, what, WHERE)
        self._output.refused(refused, SUMMARY)
        self._output.advise(advice.signing_refused(first, document=document))
        if any(each.error.where in OF_MACHINES for each in self._failed):
            self._output.advise(f"{KEPT[0].upper()}{KEPT[1:]}; {GO_ON}")
        return 1

    def _without_file(self) -> str:
        found = self._signing.without_file() if self._signing is not None else []
        if not found:
            return ""
        have = "1 signature has" if len(found) == 1 else f"{len(found)} signatures have"
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return f"{have} no file ({printable(found[0])}{more})"


def causes_of(failed: Sequence[FileFailed]) -> Iterator[StatusError]:
    """Each once, with the files that failed for it."""
    errors: dict[str, list[FileFailed]] = {}
    for each in failed:
        errors.setdefault(str(each.error), []).append(each)
    return map(_together, errors.values())


def _together(several: Sequence[FileFailed]) -> StatusError:
    """One refusal, of the class that it has, for those that failed for one reason."""
    name, error = printable(several[0].name), copy(several[0].error)
    if len(several) > 1:
        error.detail = f"{error.detail} ({name}, and {len(several) - 1} more)"
    elif name not in error.detail:
        error.detail = f"{name}: {error.detail}"
    return error

"""`pipsqueak alias=... msgdir=... sigdir=...`, which the guide does not have."""

import time
from collections.abc import Sequence
from pathlib import Path

from seeclient import advice, connecting, operations, tokens
from seeclient.arguments import Arguments
from seeclient.blocking import Fleet
from seeclient.folders.events import Event, FileFailed, FileKept, FileSigned, Totals
from seeclient.folders.places import WHERE, Places
from seeclient.folders.signing import FolderSigning
from seeclient.keyfile import KeyFile
from seeclient.output import Output
from seeclient.passphrases import given_for
from seeclient.signing_commands import COMPAT_VARIABLE, VENDOR, options_of
from seeclient.wanted import Wanted, Watch, left
from seemachine.frozen import replace
from seemachine.wire.status import Status, StatusError

GO_ON = "what was asked for is kept; go on with the same command"
SUMMARY = "sign failed"


def sign_folder(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Sign each file of a folder. Returns the exit code."""
    told = Told(output)
    try:
        key = fleet.roster.keys.load(arguments.texts["alias"])
        signing = _signing(fleet, key, arguments, told)
        output.key(key)
        output.folder(key, arguments.texts["msgdir"], arguments.texts["sigdir"], len(signing.names))
        told.count = len(signing.names)
        signing.run()
    except StatusError as error:
        output.refused(error, SUMMARY)
        return 1
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(GO_ON)
        raise
    return told.end(key, document=arguments.json)


def _signing(fleet: Fleet, key: KeyFile, arguments: Arguments, told: "Told") -> FolderSigning:
    """Raises StatusError where there is nothing to sign."""
    options = options_of(arguments)
    if arguments.quirks and key.name and options.acknowledge is None:
        # 1.4.1 knows no thresholds: nobody is asked, which the ledger keeps.
        options = replace(options, acknowledge=f"{COMPAT_VARIABLE}={VENDOR}")

    def sign(wanted: Sequence[Wanted], watch: Watch) -> None:
        def attempt(known: tuple[str, ...]) -> None:
            asked = replace(options, passphrases=known)
            story = operations.sign_wanted(fleet.roster, key, left(wanted), asked, watch)
            fleet.run(story)
            _raise_locked(wanted)

        given_for(getattr(key, "token", ""), attempt)

    messages = Path(arguments.texts["msgdir"])
    places = Places(messages, Path(arguments.texts["sigdir"]))
    signing = FolderSigning(key, places, options.context, sign, told.take)
    if not signing.names and not signing.unreadable:
        detail = f"{messages} has no files; no signature was made"
        raise StatusError(Status.InvalidParameter, detail, WHERE)
    return signing


def _raise_locked(wanted: Sequence[Wanted]) -> None:
    """Where a passphrase is missing, all that it is missed for is to be asked for again."""
    locked: StatusError | None = None
    for each in wanted:
        if isinstance(each.outcome, StatusError) and tokens.wants_passphrase(each.outcome):
            locked, each.outcome = each.outcome, None
    if locked is not None:
        raise locked


class Told:
    """What becomes of the files, as it is told."""

    def __init__(self, output: Output) -> None:
        self.count = 0
        self._output = output
        self._began = time.perf_counter()
        self._signed = self._kept = 0
        self._failed: list[FileFailed] = []

    def take(self, event: Event) -> None:
        """One of them."""
        match event:
            case FileSigned():
                self._signed += 1
                self._output.outcome = f"{self._signed} signatures were written; {GO_ON}"
            case FileKept():
                self._kept += 1
            case FileFailed():
                self._failed.append(event)
        self._output.file(event, self.count - self._signed - self._kept - len(self._failed))

    def end(self, key: KeyFile, *, document: bool) -> int:
        """That was all of them. Returns the exit code."""
        errors: dict[str, list[FileFailed]] = {}
        for failed in self._failed:
            errors.setdefault(str(failed.error), []).append(failed)
        alike = len(errors) == 1 and not self._signed + self._kept
        for several in [] if alike else errors.values():
            self._output.note(_together(several))
        seconds = time.perf_counter() - self._began
        totals = Totals(self._signed, self._kept, len(self._failed), seconds)
        self._output.folder_done(key, totals)
        if not self._failed:
            return 0
        first = self._failed[0].error
        what = f"{len(self._failed)} of {max(self.count, len(self._failed))} files are not signed"
        refused = first if alike else StatusError(first.status, what, WHERE)
        self._output.refused(refused, SUMMARY)
        self._output.advise(advice.signing_refused(first, document=document))
        if any(each.error.where == connecting.CONNECT for each in self._failed):
            self._output.advise(f"{GO_ON[0].upper()}{GO_ON[1:]}")
        return 1


def _together(several: Sequence[FileFailed]) -> StatusError:
    """One line for those that failed for one reason."""
    name, error = several[0].name, several[0].error
    detail = error.detail if name in error.detail else f"{name}: {error.detail}"
    if len(several) > 1:
        detail = f"{error.detail} ({name} and {len(several) - 1} more)"
    return StatusError(error.status, detail, error.where)

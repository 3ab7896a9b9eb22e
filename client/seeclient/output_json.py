"""How pipsqueak answers with --json: one document, as docs/reference/json.md describes it."""

import sys
from collections.abc import Iterable
from typing import Any

from seeclient import advice
from seeclient.algorithms import registry
from seeclient.algorithms.lms.provisioning import Provisioned
from seeclient.effects import Roster
from seeclient.events import CardsNeeded, Event
from seeclient.folders.events import Event as FolderEvent
from seeclient.folders.events import FileFailed, FileKept, FileSigned, FileSkipped, Totals
from seeclient.keyfile import KeyFile
from seeclient.keyfile_format import UNKNOWN
from seeclient.refusals import Unavailable
from seeclient.results import KeyInfo, Signed
from seemachine.document import (
    FOUND,
    INTERNAL,
    INTERRUPTED,
    REFUSED,
    USAGE,
    Failure,
    advised,
    document,
    fault,
    status_of,
)
from seemachine.printing import say_json
from seemachine.wire.names import SDK_VERSION
from seemachine.wire.status import StatusError

# What `outcome` says of a file.
OUTCOMES = {
    FileSigned: "signed",
    FileKept: "kept",
    FileFailed: "failed",
    FileSkipped: "skipped",
}


class JsonOutput:
    """One JSON document on standard output when the command is over, also when it failed.

    `command` is None where the command line names none.
    """

    def __init__(self, command: str | None) -> None:
        self.outcome = ""
        self._command = command
        self._fields: dict[str, Any] = {}
        self._notes: list[str] = []
        self._advice: list[str] = []
        self._failure: Failure | None = None

    def machines(self, roster: Roster) -> None:
        """See Output."""
        self._fields["version"] = SDK_VERSION
        self._fields["machines"] = [
            {
                "esn": peer.esn,
                "model": peer.greeting.model,
                "version": peer.greeting.version,
                "address": str(peer.address),
                "insecure": peer.greeting.insecure or None,
            }
            for peer in roster.peers
        ]
        self._fields["unreachable"] = [failure.detail for failure in roster.failures]

    def event(self, event: Event) -> None:
        """See Output."""
        if isinstance(event, CardsNeeded):
            self._fields["cards"] = event.cards

    def generated(self, key: KeyFile) -> None:
        """See Output."""
        self.key(key)
        self._fields |= registry.of(key).plan(key)

    def listing(self, keys: Iterable[tuple[str, str]]) -> None:
        """See Output."""
        self._fields["keys"] = [
            {"alias": alias, "algorithm": None if algorithm == UNKNOWN else algorithm}
            for alias, algorithm in keys
        ]

    def info(self, info: KeyInfo) -> None:
        """See Output."""
        self.key(info.key)
        self._fields |= registry.of(info.key).facts(info)

    def key(self, key: KeyFile) -> None:
        """See Output."""
        self._fields |= {"alias": key.alias, "algorithm": key.algorithm}
        self._fields |= registry.of(key).parameters(key)
        self._fields["public_key"] = key.public_key.hex()

    def message(self, name: str, head: bytes, *, more: bool) -> None:
        """See Output."""
        del head, more
        self._fields["message"] = name

    def signature(self, key: KeyFile, signed: Signed, seconds: float, path: str | None) -> None:
        """See Output."""
        del key
        self._fields |= {
            "esn": signed.esn,
            "leaf": signed.leaf,
            "remaining": signed.remaining,
            "sign_seconds": round(seconds, 6),
        }
        self._fields |= {"signature": signed.signature.hex()} if path is None else {"sigfile": path}

    def verified(self, key: KeyFile, seconds: float | None, *, good: bool, form: str = "") -> None:
        """See Output."""
        del seconds
        self._fields |= {"verified": good, "encoding": form or key.algorithm}

    def folder(self, key: KeyFile, messages: str, signatures: str, count: int) -> None:
        """See Output."""
        del key, count
        self._fields |= {"msgdir": messages, "sigdir": signatures, "files": []}

    def file(self, event: FolderEvent, remaining: int) -> None:
        """See Output."""
        del remaining
        told: dict[str, Any] = {"name": event.name, "outcome": OUTCOMES[type(event)]}
        if isinstance(event, FileSigned):
            told |= {"esn": event.signed.esn, "leaf": event.signed.leaf}
            told |= {"replaced": True} if event.replaced else {}
        if isinstance(event, FileFailed):
            told |= {**status_of(event.error), "detail": event.error.detail}
        if isinstance(event, FileSkipped):
            told["detail"] = event.what
        self._fields["files"].append(told)

    def folder_done(self, key: KeyFile, totals: Totals) -> None:
        """See Output."""
        del key
        self._fields |= {
            "signed": totals.signed,
            "kept": totals.kept,
            "failed": totals.failed,
            "replaced": totals.replaced,
            "skipped": totals.skipped,
            "seconds": round(totals.seconds, 6),
        }

    def threshold(self, key: KeyFile, count: int) -> None:
        """See Output."""
        self._fields |= {"alias": key.alias, "warnat": count}

    def provisioning(self, esn: str, slot: int) -> None:
        """See Output."""
        self._fields |= {"esn": esn, "slot": slot}

    def provisioned(self, moved: Provisioned) -> None:
        """See Output."""
        self._fields |= {
            "first": moved.first,
            "end": moved.end,
            "leases_left": moved.leases_left,
            "public_key": moved.public_key.hex(),
        }
        self._fields["warnat"] = moved.warnat

    def refused(self, error: StatusError, summary: str) -> None:
        """See Output."""
        more = {
            **status_of(error),
            "summary": summary,
            **({"reason": error.reason} if isinstance(error, Unavailable) else {}),
            "detail": error.detail,
            "where": error.where,
        }
        self._failure = Failure(REFUSED, error.detail, 1, more)

    def note(self, error: StatusError) -> None:
        """See Output."""
        self._notes.append(str(error))

    def advise(self, sentence: str) -> None:
        """See Output."""
        advice.give(sentence)
        if sentence:
            self._notes.append(sentence)
            self._advice += advised(sentence)

    def close(self, exit_code: int) -> None:
        """See Output."""
        if exit_code and self._failure is None:
            found = self._notes[-1] if self._notes else "not all is well"
            self._failure = Failure(FOUND, found, exit_code)
        self._print()

    def misread(self, sentence: str) -> None:
        """The command line is invalid."""
        self._failure = Failure.of(USAGE, sentence)
        self._print()

    def abandon(self) -> None:
        """See Output."""
        match sys.exception():
            case BrokenPipeError():
                return
            case KeyboardInterrupt() as interrupt:
                self._notes += getattr(interrupt, "__notes__", ())
                self._failure = Failure.of(INTERRUPTED, "interrupted")
            case OSError() as error:
                self._failure = Failure.of(REFUSED, str(error))
            case error:
                self._failure = Failure.of(INTERNAL, fault(error))
        self._print()

    def _print(self) -> None:
        failure = self._failure
        if failure is not None and self._advice:
            told = [*advised(failure.message), *self._advice]
            failure = failure._replace(more={**failure.more, "advice": told})
        say_json(document("pipsqueak", self._command, self._fields, failure, self._notes))

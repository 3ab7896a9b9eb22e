"""How pipsqueak answers with the guide's lines."""

import os
import sys
from collections.abc import Iterable
from typing import Any

from seeclient import advice, render, thresholds
from seeclient.algorithms.lms.provisioning import Provisioned
from seeclient.effects import Roster
from seeclient.events import (
    CardDone,
    CardsNeeded,
    CardTried,
    CardWanted,
    ChunkDone,
    Event,
    KeyMade,
    Resumed,
    Started,
)
from seeclient.folders.events import Event as FolderEvent
from seeclient.folders.events import FileSkipped, Totals
from seeclient.keyfile import KeyFile
from seeclient.output import standard_output
from seeclient.results import KeyInfo, Signed
from seemachine.printing import say
from seemachine.wire.status import StatusError


class TextOutput:
    """As in the guide. Errors go to standard error, in order with the rest.

    `quirks`: to the letter as 1.4.1, which has no advice to give. `aside`: all on standard error,
    for standard output has a signature.
    """

    def __init__(self, *, quirks: bool = False, aside: bool = False) -> None:
        self.outcome = ""
        self._quirks = quirks
        self._aside = aside
        self._bar: Any = None

    def machines(self, roster: Roster) -> None:
        """See Output."""
        for failure in roster.failures:
            self.note(failure)
        self._print(render.banner(roster))

    def event(self, event: Event) -> None:
        """See Output."""
        match event:
            case Started(alias, seconds, steps, leaves):
                verb = "resumed" if isinstance(event, Resumed) else "started"
                self._print(f"Generate LMS key {verb}: {alias} ({seconds:.3f} seconds)")
                self._start_bar(steps, leaves)
            case ChunkDone(alias, seconds, remaining):
                self._print(f"  chunk: {alias} ({seconds:.3f} seconds) {remaining} remaining")
                self._move_bar(seconds, remaining)
            case KeyMade(algorithm, alias, seconds):
                self._print(f"Generate {algorithm} key: {alias} ({seconds:.3f} seconds)")
            case CardsNeeded(cards):
                self._print(render.cards_needed(cards))
            case CardTried(slot):
                self._print(f"Attempting to write to card in slot {slot}...")
            case CardDone(remaining):
                self._print(f"Card processed ({remaining} remaining)")
            case CardWanted(esn, slot, detail) if sys.stdout.isatty():
                self._print(
                    f"Waiting for a blank card in slot {slot} of {esn}:"
                    f" {detail.partition(';')[2].strip() or detail}"
                )

    def generated(self, key: KeyFile) -> None:
        """See Output."""
        self.key(key)

    def listing(self, keys: Iterable[tuple[str, str]]) -> None:
        """See Output."""
        self._print(*render.key_list(keys))

    def info(self, info: KeyInfo) -> None:
        """See Output."""
        self._print(*render.show_info(info))
        for refusal in info.withheld:
            self.note(refusal)

    def key(self, key: KeyFile) -> None:
        """See Output."""
        self._print(*render.public_key(key))

    def message(self, name: str, head: bytes, *, more: bool) -> None:
        """See Output."""
        self._print(f"Message ({name}):", *render.words(head), *(["  ..."] if more else []))

    def signature(self, key: KeyFile, signed: Signed, seconds: float, path: str | None) -> None:
        """See Output."""
        size = len(signed.signature)
        if path is None:
            self._print(
                f"Signature (alias: {key.alias}, size: {size}, time: {seconds:.3f}):",
                *render.words(signed.signature),
            )
        else:
            # Without the colons, as in the guide (2.7.1 step 4).
            self._print(
                f"Signature (alias {key.alias}, size: {size}, time: {seconds:.3f})",
                f"written to {path}",
            )

    def verified(self, key: KeyFile, seconds: float | None, *, good: bool, form: str = "") -> None:
        """See Output."""
        time = "" if seconds is None else f", time: {seconds:.3f}"
        # The vendor's signatures have no levels, and its lines no word for them.
        kind = "" if form in ("", key.algorithm) else f", {form}"
        self._print(f"Verify (alias: {key.alias}{kind}{time}): {'true' if good else 'false'}")

    def folder(self, key: KeyFile, messages: str, signatures: str, count: int) -> None:
        """See Output."""
        files = "1 file" if count == 1 else f"{count} files"
        self._print(f"Sign files: {key.alias} ({files} of {messages}, signatures to {signatures})")
        if self._has_bar():
            from seeclient.folders.progress import Bar

            self._bar = Bar(count)

    def file(self, event: FolderEvent, remaining: int) -> None:
        """See Output."""
        if self._bar is not None and not isinstance(event, FileSkipped):
            self._bar.step(remaining)
        else:
            self._print(render.file(event, remaining))

    def folder_done(self, key: KeyFile, totals: Totals) -> None:
        """See Output."""
        self._stop_bar()
        made = f"{totals.signed} made, {totals.kept} kept, {totals.failed} failed"
        made += f", {totals.replaced} replaced" if totals.replaced else ""
        made += f", {totals.skipped} skipped" if totals.skipped else ""
        self._print(f"Signatures (alias: {key.alias}, time: {totals.seconds:.3f}): {made}")

    def threshold(self, key: KeyFile, count: int) -> None:
        """See Output."""
        self._print(f"Threshold (alias: {key.alias}): {thresholds.in_words(count)}")

    def provisioning(self, esn: str, slot: int) -> None:
        """See Output."""
        self._print(f"Attempting to provision {esn} from slot {slot}...")

    def provisioned(self, moved: Provisioned) -> None:
        """See Output."""
        del moved
        # 1.4.1 leaves the prompt on the same line (2.7.2.1 step 8, 2.9.5 step 8).
        say("Provision successful.", end="" if self._quirks else "\n", flush=True)

    def refused(self, error: StatusError, summary: str) -> None:
        """See Output."""
        self.note(error)
        say(f"ERROR: {summary}", file=sys.stderr, flush=True)

    def note(self, error: StatusError) -> None:
        """See Output."""
        self._stop_bar()
        with standard_output():
            sys.stdout.flush()
        say(render.error_line(error), file=sys.stderr, flush=True)

    def advise(self, sentence: str) -> None:
        """See Output."""
        if not self._quirks:
            advice.give(sentence)

    def close(self, exit_code: int) -> None:
        """See Output."""
        del exit_code
        self._stop_bar()

    def abandon(self) -> None:
        """See Output."""
        self._stop_bar()

    def _print(self, *lines: str) -> None:
        stream = sys.stderr if self._aside else sys.stdout
        with standard_output():
            for line in lines:
                if self._bar is not None:
                    self._bar.print(line)
                else:
                    say(line, file=stream)
            # Also through a pipe each step is seen when it happens.
            stream.flush()

    @staticmethod
    def _has_bar() -> bool:
        return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def _start_bar(self, steps: int, leaves_per_step: int) -> None:
        if self._has_bar() and steps > 1:
            from seeclient.progress import Bar

            self._bar = Bar(steps, leaves_per_step)

    def _move_bar(self, seconds: float, remaining: int) -> None:
        if self._bar is not None:
            self._bar.step(seconds, remaining)
            if not remaining:
                self._stop_bar()

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

"""What `seemachine sign` says of files while they are signed, and in the end."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from seeclient.folders.events import Event, FileFailed, FileKept, FileSigned
from seeclient.folders.names import WHERE
from seeclient.folders.telling import GO_ON, KEPT, NOTHING, OF_MACHINES, causes_of
from seeclient.keyfile import KeyFile
from seeclient.results import Signed

from seemachine.cli import leaves
from seemachine.cli.answer import Answer
from seemachine.cli.refusals import refused
from seemachine.document import REFUSED, Failure, status_of
from seemachine.signing_files.outputs import Task
from seemachine.signing_files.signing import FilesSigning
from seemachine.signing_files.sources import Found
from seemachine.signing_files.wishes import Wish
from seemachine.state.errors import counted
from seemachine.wire.status import Status


class Told:
    """What is told of the files of one command."""

    def __init__(self, answer: Answer, key: KeyFile, wish: Wish) -> None:
        self._answer, self._wish, self._alias = answer, wish, key.alias
        self._files: list[dict[str, Any]] = []
        self._failed: list[FileFailed] = []
        self._count = {"signed": 0, "kept": 0, "failed": 0, "skipped": 0}
        answer.give(
            algorithm=key.algorithm,
            public_key=key.public_key.hex(),
            preset=wish.preset.name if wish.preset else None,
            format=wish.manner.form,
            key_format=wish.use.key_form if wish.use else None,
            digest=wish.manner.digest or None,
            over=wish.over,
            files=self._files,
        )
        if wish.preset is not None and wish.preset.experimental:
            answer.note(f"the preset {wish.preset.name} is experimental: {wish.preset.note}")

    def skip(self, found: Found) -> None:
        """What is not signed."""
        for name, what in {**found.skipped, **found.unsigned}.items():
            self._count["skipped"] += 1
            self._files.append({"file": name, "outcome": "skipped", "detail": what})
        for name, what in found.skipped.items():
            self._answer.report(f"{name}: skipped, it is {what}")
        for name, what in found.unsigned.items():
            no = "not signed, and `seemachine verify` refuses its folder; take it out of there"
            self._answer.note(f"{name} is {what}: {no}")

    def tell_of_signatures(self, names: Sequence[str]) -> None:
        """They are signed as any other file is."""
        if names:
            are = "is a signature itself" if len(names) == 1 else "are signatures themselves"
            more = f", and {len(names) - 1} more" if len(names) > 1 else ""
            self._answer.note(f"{len(names)} of these files {are} ({names[0]}{more})")

    def take(self, task: Task, event: Event) -> None:
        """One file."""
        told: dict[str, Any] = {"file": task.source.name, "signature": str(task.out)}
        match event:
            case FileSigned():
                told |= {"outcome": "signed", "esn": event.signed.esn, "leaf": event.signed.leaf}
                told |= {"remaining": event.signed.remaining, "replaced": event.replaced}
                self._answer.report(f"{task.out}: signed{whence(event.signed)}")
            case FileKept():
                told |= {"outcome": "kept"}
                self._answer.report(f"{task.out}: already signed")
            case FileFailed():
                told |= {"outcome": "failed", "detail": event.error.sentence}
                told |= status_of(event.error)
                self._failed.append(FileFailed(task.source.name, event.error))
        self._count[told["outcome"]] += 1
        self._files.append(told)

    @contextlib.contextmanager
    def interrupted(self, signing: FilesSigning) -> Iterator[None]:
        """Whoever breaks off is told how far it came."""
        try:
            yield
        except KeyboardInterrupt:
            done = f"{signing.written} of {signing.wanted} signed"
            kept = f"; {KEPT}; {GO_ON}" if signing.asked else ""
            self._answer.note(f"{done}{kept}" if signing.written or signing.asked else NOTHING)
            raise

    def end(self) -> int:
        """That was all. Returns the exit code. Raises Refused where one thing stopped all."""
        count, answer = self._count, self._answer
        answer.give(**count)
        is_some = bool(count["signed"] or count["kept"])
        if is_some and answer.report(f"{self._totals()}{self._over()}"):
            self._tell_of_key()
        if not self._failed:
            return 0
        causes = [leaves.advised(each) for each in causes_of(self._failed)]
        goes_on = f"; {KEPT}; {GO_ON}" if any(map(_goes_on, self._failed)) else ""
        if len(causes) == 1 and not count["signed"] + count["kept"]:
            causes[0].detail += goes_on
            raise refused(causes[0])
        for number, each in enumerate(causes, 1):
            answer.note(each.detail + (goes_on if number == len(causes) else ""))
        what = f"{count['failed']} of {sum(count.values()) - count['skipped']} are not signed"
        return answer.refuse(Failure(REFUSED, what, 1, status_of(causes[0])))

    def _tell_of_key(self) -> None:
        preset, use = self._wish.preset, self._wish.use
        if preset is not None and use is not None:
            words = f"seemachine key export {self._alias} --format {use.key_form} --out FILE"
            self._answer.report(f"{preset.title} takes the public key from: {words}")

    def _over(self) -> str:
        """Where it may be another thing than the bytes of the file."""
        return (
            f"; each is {self._wish.over}" if self._wish.preset or self._wish.manner.digest else ""
        )

    def _totals(self) -> str:
        done = [f"{self._count['signed']} signed"]
        if self._count["kept"]:
            done.append(f"{self._count['kept']} already signed")
        if self._count["skipped"]:
            done.append(f"{self._count['skipped']} skipped")
        return ", ".join(done)


def _goes_on(failed: FileFailed) -> bool:
    """Whether the journal has what was asked for: no machine answers, or no signature can be
    written.
    """
    error = failed.error
    return error.where in OF_MACHINES or (
        error.where == WHERE and error.status is Status.OSErrorErrno
    )


def whence(signed: Signed) -> str:
    """With which leaf; nothing for a signature that takes none."""
    if signed.leaf is None:
        return ""
    left = counted(signed.remaining or 0, "signature")
    return f" with leaf {signed.leaf} of {signed.esn}, which has {left} left"

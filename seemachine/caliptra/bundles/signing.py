"""Signing a bundle: one leaf for each target that has no good signature yet.

Before a machine is asked, a journal has the token of each target, as for a folder that is signed:
see seeclient.folders.journal. So a run that was killed is gone on with, and takes no second leaf.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

from seeclient.folders.hold import hold
from seeclient.folders.journal import Journal
from seeclient.folders.signing import NO_LEAF
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.wanted import Wanted, Watch

from seemachine.caliptra.bundles.files import WHERE, SignaturesFile
from seemachine.caliptra.bundles.keys import Job
from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.judging import reused, why_not
from seemachine.caliptra.requests import TARGETS
from seemachine.caliptra.signatures import Signatures
from seemachine.frozen import frozen
from seemachine.lms.keys import Signature
from seemachine.wire.status import Status, StatusError

GO_ON = "the same command goes on, and takes no second leaf for what was asked for"
# How many seconds it waits for another command that signs into the folder, as `sign` does.
PATIENCE = 60.0
# Gives each of what is wanted of a key an outcome. Raises StatusError for wrong options alone.
Sign = Callable[[KeyFile, Sequence[Wanted], Watch], None]


@frozen
class Outcome:
    """What became of a target: `signed` by a machine or `kept` as it was, else an `error`."""

    job: Job
    kept: bool = False
    signed: Signed | None = None
    error: StatusError | None = None


class BundleSigning:
    """The targets of a bundle that are to be signed: `kept` have a good signature, `wanted` get
    one. Within its block nobody else signs into that folder.

    Entering it refuses what can be refused before a leaf is taken: it raises CaliptraError,
    StatusError. `force`: what is there and is not good is signed anew.
    """

    def __init__(self, place: SignaturesFile, jobs: Sequence[Job], *, force: bool = False) -> None:
        self._place, self._jobs, self._force = place, jobs, force
        # One for each key, by its hash: a key may have two aliases.
        self._journals: dict[str, Journal] = {}
        self.kept: list[Job] = []
        self.wanted: list[Job] = []

    def __enter__(self) -> Self:
        self._place.check()
        self._lock = hold(self._place.path.parent, PATIENCE)
        try:
            self._place.clear()
            self._survey(self._place.read())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for journal in self._journals.values():
            journal.release()
        os.close(self._lock)

    @property
    def fresh(self) -> list[Job]:
        """Those that no machine was asked for before."""
        return [job for job in self.wanted if not self._asked(job)]

    @property
    def anew(self) -> dict[str, list[Job]]:
        """By alias, those of them that take a leaf."""
        found: dict[str, list[Job]] = {}
        for job in self.fresh:
            if job.key.lms is not None:
                found.setdefault(job.file.alias, []).append(job)
        return found

    def run(self, sign: Sign) -> list[Outcome]:
        """Sign, and write after each key what came. Raises StatusError where that can't be written,
        or a journal can't be.
        """
        outcomes = {job.target.name: Outcome(job, kept=True) for job in self.kept}
        for key, journal in self._journals.items():
            those = [job for job in self.wanted if job.file.public_hash == key]
            outcomes |= self._run_key(journal, those, sign)
            _settle(journal, outcomes)
        return [outcomes[job.target.name] for job in self._jobs]

    # ------------------------------------------------------------ before a leaf is taken

    def _survey(self, there: Signatures) -> None:
        for job in self._jobs:
            made = there.pqc(job.target.name)
            wrong = why_not(job.key, job.target, made) if made else ""
            if wrong and not self._force:
                raise CaliptraError(
                    f"{self._place.name} has another pqc_sig for {job.target.name}: {wrong}; sign"
                    " into another file, or replace it with --force"
                )
            (self.kept if made and not wrong else self.wanted).append(job)
        self._refuse_reuse(there)
        for job in self._jobs:
            if job.file.public_hash not in self._journals:
                self._journals[job.file.public_hash] = self._journal(job.file)

    def _refuse_reuse(self, there: Signatures) -> None:
        """What somebody signed without a state is not added to."""
        good = [(job.key, job.target, there.pqc(job.target.name)) for job in self.kept]
        for name, wrong in reused(good).items():
            raise CaliptraError(f"{self._place.name}: the pqc_sig of {name} is good, but {wrong}")

    def _journal(self, key: KeyFile) -> Journal:
        return Journal(self._place.path.parent, key, kind=self._place.kind, lock=self._lock)

    def _asked(self, job: Job) -> bool:
        """Whether a machine was asked for just this before, and may have taken a leaf."""
        journal, name = self._journals[job.file.public_hash], job.target.name
        return journal.knows(name) and journal.entry(name, _digest(job)) is not None

    # ------------------------------------------------------------ a key

    def _run_key(self, journal: Journal, jobs: Sequence[Job], sign: Sign) -> dict[str, Outcome]:
        made = _came(journal, jobs)
        asked = [job for job in jobs if job.target.name not in made]
        wanted = [_want(journal, place, job) for place, job in enumerate(asked)]

        def note(those: Sequence[Wanted], text: str) -> None:
            names = ((asked[each.place], each.token) for each in those)
            journal.asked(text, [(job.target.name, token, _digest(job)) for job, token in names])

        def take(place: int, signed: Signed) -> None:
            journal.signed({asked[place].target.name: signed.signature})

        if wanted:
            sign(jobs[0].file, wanted, Watch(take, note))
        every = [_outcome(*each) for each in zip(asked, wanted, strict=True)]
        every += [Outcome(job, signed=made[job.target.name]) for job in jobs if job not in asked]
        outcomes = {each.job.target.name: each for each in every}
        self._write({name: each.signed for name, each in outcomes.items() if each.signed})
        return outcomes

    def _write(self, made: Mapping[str, Signed]) -> None:
        """Raises StatusError."""
        if not made:
            return
        signatures = self._place.read()
        for name, signed in made.items():
            signatures = signatures.with_pqc(name, signed.signature)
        try:
            self._place.write(signatures)
        except StatusError as error:
            raise StatusError(error.status, f"{error.detail}; {GO_ON}", WHERE) from None


def _settle(journal: Journal, outcomes: Mapping[str, Outcome]) -> None:
    """What took no leaf may be asked of any machine. The journal ends when all that machines were
    asked for is in its place; other targets of the bundle may be in it too.
    """
    failed = {name: each.error for name, each in outcomes.items() if each.error}
    journal.refused([name for name, error in failed.items() if error.status in NO_LEAF])
    done = outcomes.keys() - failed.keys()
    if not any(journal.knows(name) for name in TARGETS if name not in done):
        journal.forget()


def _came(journal: Journal, jobs: Iterable[Job]) -> dict[str, Signed]:
    """What came before an interruption, and was not written: of LMS, whose leaves are asked for by
    token.
    """
    found = {}
    for job in jobs:
        entry = journal.entry(job.target.name, _digest(job))
        if entry and entry.signature and not why_not(job.key, job.target, entry.signature):
            leaf = Signature.decode(entry.signature).leaf
            found[job.target.name] = Signed(entry.signature, entry.esn, leaf)
    return found


def _want(journal: Journal, place: int, job: Job) -> Wanted:
    entry, message = journal.entry(job.target.name, _digest(job)), Message(job.message)
    if entry is None:
        return Wanted(place, message)
    return Wanted(place, message, entry.token, entry.note)


def _outcome(job: Job, wanted: Wanted) -> Outcome:
    made = wanted.outcome
    if not isinstance(made, Signed):
        return Outcome(job, error=made)
    wrong = why_not(job.key, job.target, made.signature)
    if not wrong:
        return Outcome(job, signed=made)
    what = f"{made.esn} gave what is not a signature of {job.target.name}: {wrong}"
    return Outcome(job, error=StatusError(Status.VerifyFailed, what, WHERE))


def _digest(job: Job) -> bytes:
    """What tells whether a journal's entry is of this message."""
    return hashlib.sha256(job.message).digest()

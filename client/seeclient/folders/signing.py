"""Signing each file of a folder; safe to do again after any interruption."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from seeclient import operations
from seeclient.blocking_runner import Runner
from seeclient.folders.checks import Check, before_leaves
from seeclient.folders.events import FileFailed, FileKept, FileSigned, FileSkipped, Listener
from seeclient.folders.files import FolderFiles, Placed
from seeclient.folders.journal import Journal
from seeclient.folders.places import Places
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.signing_options import PLAIN, SigningOptions
from seeclient.wanted import Wanted, Watch
from seemachine.wire.status import Status, StatusError

# Files that are looked at, and signatures that are in memory, at a time.
WINDOW, MADE = 2048, 256
# With these a machine says that it took no leaf.
NO_LEAF = (Status.NotAvailable, Status.UseLimitExceeded)


# Gives each of what is wanted an outcome. Raises StatusError for wrong options alone.
Sign = Callable[[Sequence[Wanted], Watch], None]


def sign_folder(
    fleet: Runner,
    key: KeyFile,
    places: Places,
    listen: Listener,
    options: SigningOptions = PLAIN,
    *,
    partial: bool = False,
) -> None:
    """Sign each regular file below a folder, and write the signature under the same name with
    `.sig` into another folder.

    A file whose signature is there already, and good, is left alone. After an interruption the same
    call goes on: what was asked for before takes no second leaf. `listen` is called with what
    becomes of each file. `partial`: where there are fewer leaves than files, or fewer that need no
    acknowledgement, as many are signed.
    Raises StatusError where nothing can be begun.
    """

    def sign(wanted: Sequence[Wanted], watch: Watch) -> None:
        fleet.run(operations.sign_wanted(fleet.roster, key, wanted, options, watch))

    acknowledged = options.acknowledge is not None
    checks = before_leaves(fleet, key, places, partial=partial, acknowledged=acknowledged)
    FolderSigning(key, places, options.context, sign, listen, checks).run()


class FolderSigning:
    """The files of a folder, and their key. `names` has the files, `unreadable` the folders in it
    that can't be read.

    `unsigned` have no good signature: `wanted` are to be made, those of `anew` for the first time,
    and `written` are on the disk; `asked`: somebody was asked for some. `checks` are called before.
    """

    def __init__(
        self,
        key: KeyFile,
        places: Placed,
        context: bytes,
        sign: Sign,
        listen: Listener,
        checks: Sequence[Check] = (),
    ) -> None:
        self._key, self._places, self._checks = key, places, checks
        self._ask, self._listen = sign, listen
        self._files = FolderFiles(key, places, context, self._fail)
        self._failed: set[str] = set()
        self.asked = False
        self._made: dict[str, Signed] = {}
        self.unsigned: list[str] = []
        self.anew: list[str] = []
        self.wanted = self.written = 0
        there = places.names()
        self.names, self.unreadable, self._skipped = there.files, there.unreadable, there.skipped

    def run(self) -> None:
        """See sign_folder."""
        with self:
            self.survey()
            for check in self._checks if self.anew else ():
                check(self.anew)
            self.sign()
            if self.written:
                # Once for all: one by one takes longer than to sign.
                os.sync()
            self.settle()

    def __enter__(self) -> Self:
        """From now on nobody else signs into the folder. Raises StatusError."""
        self._places.make()
        folder, kind = self._places.signatures, self._places.kind
        self._journal = Journal(folder, self._key, kind=kind, seconds=self._places.patience)
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.release()

    def survey(self) -> None:
        """Find out which files have no good signature, and tell of the others."""
        for name, what in self._skipped.items():
            self._listen(FileSkipped(name, what))
        for name, error in self.unreadable.items():
            self._fail(name, error)
        self.unsigned = [
            name for window in _windows(self.names) for name in self._unsigned_of(window)
        ]
        self.anew = [name for name in self.unsigned if not self._journal.knows(name)]
        self.wanted = len(self.unsigned)

    def sign(self) -> None:
        """Sign those files. Raises StatusError where nobody can be asked."""
        for window in _windows(self.unsigned):
            self._sign_window(window)

    def settle(self) -> None:
        """What was written is on the disk by now: the journal need not know of it. Raises
        StatusError.
        """
        if not self._places.is_whole:
            self._journal.done(name for name in self.names if name not in self._failed)
        elif not self._failed:
            self._journal.forget()

    def without_file(self) -> list[str]:
        """The signatures whose files are not there, as far as that can be known."""
        if self.unreadable:
            return []
        return self._places.without_file()

    def _unsigned_of(self, names: Sequence[str]) -> list[str]:
        there = self._files.signatures(names)
        good = set(self._files.good({name: each for name, each in there.items() if each}))
        for name in filter(good.__contains__, there):
            self._listen(FileKept(name))
        return [name for name in there if name not in good]

    def _sign_window(self, names: Sequence[str]) -> None:
        there = self._files.signatures(names)
        self._replaced = {name for name, each in there.items() if each}
        self._digests = self._files.digests(there)
        known = self._write_known()
        self._wanted = [
            self._want(place, name)
            for place, name in enumerate(name for name in self._digests if name not in known)
        ]
        if self._wanted:
            self._ask([wanted for _, wanted in self._wanted], Watch(self._take, self._note))
            self._write()
        failed = {
            name: wanted.outcome
            for name, wanted in self._wanted
            if isinstance(wanted.outcome, StatusError)
        }
        self._journal.refused([name for name in failed if failed[name].status in NO_LEAF])
        for name, error in failed.items():
            self._fail(name, error)

    def _write_known(self) -> set[str]:
        """What came before an interruption, and was not written. Which files are dealt with."""
        came = {
            name: Signed(entry.signature, entry.esn)
            for name, digest in self._digests.items()
            if (entry := self._journal.entry(name, digest)) and entry.signature
        }
        good = self._files.good({name: each.signature for name, each in came.items()})
        self._made = {name: came[name] for name in good}
        self._write()
        return set(good)

    def _want(self, place: int, name: str) -> tuple[str, Wanted]:
        """Of a file that was changed since, what was asked for is of no use."""
        message = Message(self._places.message(name))
        entry = self._journal.entry(name, self._digests[name])
        if entry is None:
            return name, Wanted(place, message)
        return name, Wanted(place, message, entry.token, entry.note)

    def _note(self, wanted: Sequence[Wanted], note: str) -> None:
        """Before anybody is asked. Raises StatusError, and then nobody is."""
        self._write()
        names = [self._wanted[each.place][0] for each in wanted]
        self._journal.asked(
            note,
            [
                (name, each.token, self._digests[name])
                for name, each in zip(names, wanted, strict=True)
            ],
        )
        self.asked = True

    def _take(self, place: int, signed: Signed) -> None:
        self._made[self._wanted[place][0]] = signed
        if len(self._made) >= MADE:
            self._write()

    def _write(self) -> None:
        """Write what came."""
        if not self._made:
            return
        made, self._made = self._made, {}
        signatures = {name: each.signature for name, each in made.items()}
        self._journal.signed(signatures)
        told = []
        for name in self._files.write(signatures):
            # At once: whoever breaks off is told how many there are.
            self.written += 1
            told.append(FileSigned(name, made[name], name in self._replaced))
        if len(told) == len(signatures):
            self._journal.written()
        for event in told:
            self._listen(event)

    def _fail(self, name: str, error: StatusError) -> None:
        self._failed.add(name)
        self._listen(FileFailed(name, error))


def _windows(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + WINDOW] for start in range(0, len(names), WINDOW))

"""Signing files into one folder or several: what can be refused is, before the first leaf.

Each folder of signatures has a journal, as one that pipsqueak signs into: a run that was killed is
gone on with, and takes no second leaf. See seeclient.folders.journal.
"""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from seeclient.connecting import make_room
from seeclient.folders.events import Event, FileFailed, FileKept
from seeclient.folders.signing import FolderSigning, Sign
from seeclient.keyfile import KeyFile

from seemachine.signing_files import manifests
from seemachine.signing_files.manners import Manner
from seemachine.signing_files.outputs import Task
from seemachine.signing_files.places import FormedPlaces
from seemachine.signing_files.sources import refuse_empty

# Called with what becomes of a task.
Listener = Callable[[Task, Event], None]


class FilesSigning:
    """Files by the folders of their signatures, with their key. Within its block nobody else signs
    into these folders. `allow_empty`: files without a byte are signed, too. `anew` are those
    that are to be signed for the first time; `wanted` says how many have no good signature.
    """

    def __init__(  # noqa: PLR0913
        self,
        key: KeyFile,
        groups: Mapping[Path, Sequence[Task]],
        manner: Manner,
        sign: Sign,
        listen: Listener,
        *,
        force: bool,
        umask: int,
        allow_empty: bool = False,
    ) -> None:
        self._listen, self._key, self._allow_empty = listen, key, allow_empty
        # Each folder is held, and has a journal.
        make_room(2 * len(groups))
        self._parts: list[tuple[FormedPlaces, FolderSigning]] = []
        # Each takes its folders in one order, so that two do not wait for each other.
        for folder, tasks in sorted(groups.items()):
            places = FormedPlaces(folder, tasks, manner, force=force, umask=umask)
            tell = self._teller(places)
            self._parts.append((places, FolderSigning(key, places, b"", sign, tell)))
        self._stack = contextlib.ExitStack()
        self._is_looked_at = False

    def __enter__(self) -> Self:
        """Look at everything, and refuse what can be. Raises StatusError."""
        try:
            for places, signing in self._parts:
                for name in signing.names:
                    manifests.check(places.task(name).source)
                self._stack.enter_context(signing)
                places.clear()
                signing.survey()
                self._refuse_empty(places, signing)
                for name in signing.unsigned:
                    places.make_way(name, places.earlier_signature(name), self._key)
        except BaseException:
            self._stack.close()
            raise
        self._is_looked_at = True
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def wanted(self) -> int:
        """How many have no good signature."""
        return sum(signing.wanted for _, signing in self._parts)

    @property
    def anew(self) -> Sequence[str]:
        """The names of those for which no machine was asked before."""
        return [
            places.task(name).source.name
            for places, signing in self._parts
            for name in signing.anew
        ]

    @property
    def written(self) -> int:
        """How many signatures are written."""
        return sum(signing.written for _, signing in self._parts)

    @property
    def asked(self) -> bool:
        """Whether a machine was asked for some."""
        return any(signing.asked for _, signing in self._parts)

    def run(self) -> None:
        """Sign. Raises StatusError where nobody can be asked, or a file is no longer as its list
        says: a person may have taken a while to agree.
        """
        for places, signing in self._parts:
            self._refuse_empty(places, signing)
            for name in signing.unsigned:
                manifests.check(places.task(name).source)
        for _, signing in self._parts:
            signing.sign()
        if self.written:
            # Once for all: a time for each folder is longer than to sign.
            os.sync()
        for _, signing in self._parts:
            signing.settle()

    def _refuse_empty(self, places: FormedPlaces, signing: FolderSigning) -> None:
        """What is signed already takes no leaf, and stays. Raises StatusError."""
        for name in () if self._allow_empty else signing.unsigned:
            refuse_empty(places.task(name).source)

    def _teller(self, places: FormedPlaces) -> Callable[[Event], None]:
        def tell(event: Event) -> None:
            if isinstance(event, FileKept):
                places.keep(event.name)
            if isinstance(event, FileFailed) and not self._is_looked_at:
                raise event.error
            self._listen(places.task(event.name), event)

        return tell

"""The files of a folder that are to be signed, and the signatures that they have."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from seeclient import operations
from seeclient.folders.names import WHERE, Listed
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seemachine.wire.status import Status, StatusError

# Of which many signatures are checked at once, without a context.
IN_BULK = ("LMS", "ML-DSA")
Result = TypeVar("Result")
Refuse = Callable[[str, StatusError], None]


class Placed(Protocol):
    """Where files are and their signatures go, as of seeclient.folders.places.Places. What is
    signed of a file may be bytes.
    """

    @property
    def signatures(self) -> Path:
        """The folder of the signatures, which is also that of the journal."""

    @property
    def kind(self) -> str:
        """Of the journal, which tells it apart from others in the folder."""

    @property
    def patience(self) -> float:
        """How many seconds to wait for another command that signs into the folder."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing but these files is signed into the folder."""

    def title(self, name: str) -> str:
        """What to call a file."""

    def message(self, name: str) -> bytes | Path:
        """What is signed of a file. Raises StatusError."""

    def names(self) -> Listed:
        """Which there are."""

    def without_file(self) -> list[str]:
        """The signatures there whose files are gone."""

    def make(self) -> None:
        """Have the folder of the signatures. Raises StatusError."""

    def earlier_signature(self, name: str) -> bytes:
        """What is there under the name of a signature; nothing where nothing is. Raises
        StatusError.
        """

    def make_way(self, name: str, earlier: bytes, key: KeyFile) -> None:
        """Refuse what can be, before a leaf is taken. Raises StatusError."""

    def write(self, name: str, signature: bytes) -> None:
        """All of it or nothing. Raises StatusError."""


class FolderFiles:
    """Files by their names in a folder, with their key and the context of its signatures.

    `refuse` is called with the name of a file for which something can't be done, and why.
    """

    def __init__(self, key: KeyFile, places: Placed, context: bytes, refuse: Refuse) -> None:
        self._key, self._places, self._context = key, places, context
        self._refuse = refuse

    def signatures(self, names: Iterable[str]) -> dict[str, bytes]:
        """What is in the places of their signatures: nothing where nothing is."""
        return dict(self._each(names, self._places.earlier_signature))

    def digests(self, there: Mapping[str, bytes]) -> dict[str, bytes]:
        """The digests of files that can be read, and whose signatures may take the places of what
        is there.
        """
        return dict(self._each(there, lambda name: self._digest(name, there[name])))

    def good(self, signatures: Mapping[str, bytes]) -> list[str]:
        """Which of these signatures are good."""
        verdicts = self._verdicts(signatures)
        return [name for name, why in zip(signatures, verdicts, strict=True) if why is None]

    def write(self, signatures: Mapping[str, bytes]) -> Iterator[str]:
        """Write each that is good, whole. Each that is written, as soon as it is."""
        good = self.good(signatures)
        for name in signatures.keys() - set(good):
            changed = f"{self._places.title(name)} was changed while it was signed"
            self._refuse(name, StatusError(Status.VerifyFailed, changed, WHERE))
        write = self._places.write
        for name, _ in self._each(good, lambda name: write(name, signatures[name])):
            yield name

    def _each(
        self, names: Iterable[str], call: Callable[[str], Result]
    ) -> Iterator[tuple[str, Result]]:
        for name in names:
            try:
                result = call(name)
            except StatusError as error:
                self._refuse(name, error)
            else:
                yield name, result

    def _digest(self, name: str, there: bytes) -> bytes:
        self._places.make_way(name, there, self._key)
        digest = hashlib.sha256()
        for piece in Message(self._places.message(name)).pieces():
            digest.update(piece)
        return digest.digest()

    def _verdicts(self, signatures: Mapping[str, bytes]) -> Iterable[StatusError | None]:
        from seeclient.verifying import verify_many

        places, items = self._places, signatures.items()
        if self._context or self._key.algorithm not in IN_BULK:
            return [self._verdict(name, made) for name, made in items]
        return verify_many((self._key, places.message(name), made) for name, made in items)

    def _verdict(self, name: str, signature: bytes) -> StatusError | None:
        message = Message(self._places.message(name))
        try:
            operations.verify(self._key, message, signature, context=self._context)
        except StatusError as refusal:
            return refusal
        return None

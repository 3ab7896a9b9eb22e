"""Where the files of a folder are, and where their signatures go: `msgdir=` and `sigdir=`."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from seeclient import files
from seeclient.algorithms import registry
from seeclient.folders.names import SUFFIX, WHERE, Names, without_file
from seeclient.keyfile import KeyFile
from seeclient.sigfile import LONGEST
from seemachine.wire.status import Status, StatusError


class Places:
    """A folder of files and a folder of signatures, which have the same names with `.sig` added.

    Raises StatusError unless the one can be read and the other written, and neither would grow by
    the other.
    """

    kind, is_whole, patience = "", True, 0.0

    def __init__(self, messages: Path, signatures: Path) -> None:
        self.messages = messages
        self.signatures = signatures
        if messages.is_file():
            _refuse(f"msgdir={messages} is a file; use msgfile={messages}")
        if not messages.is_dir():
            _refuse(f"there is no folder {messages}")
        self._check()

    def _check(self) -> None:
        """The folder of the signatures, if it is there."""
        folder = self.signatures
        try:
            there = folder.exists()
            around = there and folder.is_dir() and is_within(self.messages, folder)
        except OSError as error:
            raise files.refusal(folder, error, WHERE) from None
        if there and not folder.is_dir():
            _refuse(f"sigdir={folder} is a file, not a folder")
        if around:
            what = f"sigdir={folder} must not be the folder of the files, or one above it"
            _refuse(f"{what}; it may be one within it, or any other")

    def message(self, name: str) -> Path:
        """The file of a name."""
        return self.messages / name

    def title(self, name: str) -> str:
        """What to call it."""
        return str(self.message(name))

    def signature(self, name: str) -> Path:
        """Where its signature goes."""
        return self.signatures / f"{name}{SUFFIX}"

    def names(self) -> Names:
        """What is in the folder, without that of the signatures."""
        return Names(self.messages, self.signatures)

    def without_file(self) -> list[str]:
        """The signatures, by their paths within their folder, whose files are not there."""
        return without_file(self.messages, self.signatures)

    def make(self) -> None:
        """The folder of the signatures, and those that it is in. Raises StatusError."""
        try:
            self.signatures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.refusal(self.signatures, error, WHERE) from None
        self._check()

    def earlier_signature(self, name: str) -> bytes:
        """What is there under the name of a signature; nothing where nothing is.

        Raises StatusError where it is something else than a file.
        """
        return signature_at(self.signature(name), _refuse)

    def make_way(self, name: str, earlier: bytes, key: KeyFile) -> None:
        """What can be refused is refused before a leaf is taken: the signature of a name can be
        written, and replaces no more than a signature. Raises StatusError.
        """
        path = self.signature(name)
        if earlier and not registry.of(key).is_signature(earlier):
            _refuse(f"{path} is there and is not a signature; remove it")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.refusal(path.parent, error, WHERE) from None
        if denied := files.unwritable(path.parent):
            raise files.refusal(path.parent, denied, WHERE)

    def write(self, name: str, signature: bytes) -> None:
        """All of it or nothing, not flushed to the disk yet. Raises StatusError."""
        path = self.signature(name)
        try:
            with files.written_aside(path, signature, durable=False, alone=True) as written:
                written.replace(path)
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None


def signature_at(path: Path, refuse: Callable[[str], NoReturn]) -> bytes:
    """What is where a signature goes; nothing where nothing is.

    `refuse` raises where it is something else than a file. Raises StatusError.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            refuse(f"{path} is there and is not a regular file; remove it")
        with path.open("rb") as file:
            return file.read(LONGEST)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None


def is_within(folder: Path, other: Path) -> bool:
    """Whether a folder is another one, or below it."""
    real, found = Path(os.path.realpath(folder)), other.stat()
    return any(os.path.samestat(each.stat(), found) for each in (real, *real.parents))


def _refuse(reason: str) -> NoReturn:
    raise StatusError(Status.InvalidParameter, reason, WHERE)

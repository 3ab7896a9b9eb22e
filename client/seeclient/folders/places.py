"""Where the files of a folder are, and where their signatures go: `msgdir=` and `sigdir=`."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from seeclient import files
from seeclient.algorithms import registry
from seeclient.keyfile import KeyFile
from seeclient.sigfile import LONGEST
from seemachine.wire.status import Status, StatusError

WHERE = "sign_folder"
SUFFIX = ".sig"


class Places:
    """A folder of files and a folder of signatures, which have the same names with `.sig` added.

    Raises StatusError unless the one can be read and the other written, and neither would grow by
    the other.
    """

    def __init__(self, messages: Path, signatures: Path) -> None:
        self.messages = messages
        self.signatures = signatures
        if not messages.is_dir():
            _refuse(f"there is no folder {messages}")
        try:
            signatures.mkdir(exist_ok=True)
        except OSError as error:
            raise files.refusal(signatures, error, WHERE) from None
        if _is_within(messages, signatures):
            what = "is the folder of the signatures, or within it"
            _refuse(f"{messages} {what}; choose another folder for sigdir=")

    def message(self, name: str) -> Path:
        """The file of a name."""
        return self.messages / name

    def signature(self, name: str) -> Path:
        """Where its signature goes."""
        return self.signatures / f"{name}{SUFFIX}"

    def names(self, unreadable: dict[str, StatusError]) -> Iterator[str]:
        """The regular files, by their paths within the folder, in the order of their bytes. Links
        are not followed. Folders that can't be read are put into `unreadable`.
        """
        avoided = self.signatures.stat()
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self.messages / folder) as scanned:
                    entries = sorted(scanned, key=lambda each: os.fsencode(each.name))
            except OSError as error:
                unreadable[folder] = files.refusal(self.messages / folder, error, WHERE)
                continue
            below = []
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_file(follow_symlinks=False):
                    yield name
                elif entry.is_dir(follow_symlinks=False) and not _is(entry, avoided):
                    below.append(name)
            waiting += reversed(below)

    def earlier_signature(self, name: str) -> bytes:
        """What is there under the name of a signature; nothing where nothing is.

        Raises StatusError where it is something else than a file.
        """
        path = self.signature(name)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                _refuse(f"{path} is there and is not a regular file")
            with path.open("rb") as file:
                return file.read(LONGEST)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None

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
        if not os.access(path.parent, os.W_OK):
            raise StatusError(Status.AccessDenied, f"{path.parent} can't be written", WHERE)

    def write(self, name: str, signature: bytes) -> None:
        """All of it or nothing, not flushed to the disk yet. Raises StatusError."""
        path = self.signature(name)
        try:
            with files.written_aside(path, signature, durable=False) as written:
                written.replace(path)
        except OSError as error:
            raise files.refusal(path, error, WHERE) from None


def _is_within(folder: Path, other: Path) -> bool:
    """Whether a folder is another one, or below it."""
    real, found = Path(os.path.realpath(folder)), other.stat()
    return any(os.path.samestat(each.stat(), found) for each in (real, *real.parents))


def _is(entry: os.DirEntry[str], found: os.stat_result) -> bool:
    return entry.inode() == found.st_ino and os.path.samestat(Path(entry).stat(), found)


def _refuse(reason: str) -> NoReturn:
    raise StatusError(Status.InvalidParameter, reason, WHERE)

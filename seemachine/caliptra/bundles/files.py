"""The files of a bundle: read whole, and `signatures.json` replaced in one step."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seeclient import files

from seemachine.caliptra.documents import MOST_BYTES
from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.signatures import Signatures
from seemachine.state.disk.durable import flush_folder

SIGNATURES = "signatures.json"
WHERE = "caliptra_sign"
Read = TypeVar("Read")


def read(path: Path, meaning: Callable[[bytes], Read]) -> Read:
    """What a file says. Raises CaliptraError, StatusError, which name the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None
    try:
        return meaning(data)
    except CaliptraError as error:
        raise CaliptraError(f"{path}: {error}") from None


class SignaturesFile:
    """`signatures.json`, which may have yet to be made; through a link it is what that leads to.

    A new one is for whom the `umask` leaves it.
    """

    def __init__(self, path: Path, umask: int = 0o077) -> None:
        self.name = path
        self._umask = umask
        self.path = Path(os.path.realpath(path))

    @property
    def kind(self) -> str:
        """What tells it from other such files in its folder, for a journal's name."""
        return f"caliptra-{hashlib.sha256(os.fsencode(self.path.name)).hexdigest()[:8]}-"

    def check(self) -> None:
        """Whether it can be written. Raises CaliptraError."""
        if not self.path.parent.is_dir():
            raise CaliptraError(f"there is no folder {self.path.parent}; make it first")
        if self.path.exists() and not self.path.is_file():
            raise CaliptraError(f"{self.name} is not a file; name one with --signatures")
        if denied := files.unwritable(self.path.parent):
            raise CaliptraError(files.sentence(denied))

    def clear(self) -> None:
        """Remove what a run left that was killed: nobody else signs into the folder."""
        files.clear(self.path)

    def read(self) -> Signatures:
        """What is in it; nothing where it is not there. Raises CaliptraError, StatusError."""
        if not self.path.exists():
            return Signatures({})
        return read(self.name, Signatures.read)

    def write(self, signatures: Signatures) -> None:
        """All of it or nothing, durable. Raises StatusError."""
        try:
            files.put(self.path, signatures.encode(), self._mode(), replace=True, alone=True)
            flush_folder(self.path.parent)
        except OSError as error:
            raise files.refusal(self.name, error, WHERE) from None

    def _mode(self) -> int:
        if self.path.exists():
            return stat.S_IMODE(self.path.stat().st_mode)
        return 0o666 & ~self._umask

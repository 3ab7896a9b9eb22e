"""Where a signature goes: `sigfile=` (guide 2.7.1 step 4).

A leaf is dear, so what can be refused is refused before one is taken.
"""

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import NoReturn

from seeclient import files
from seeclient.algorithms import registry
from seeclient.keyfile import KeyFile
from seemachine.wire.status import Status, StatusError

STANDARD_OUTPUT = "-"
WHERE = "write_file"
# More than any signature has: one of HSS with 8 levels has some 80 KiB.
LONGEST = 1 << 20


def check(name: str, key: KeyFile, source: str | None) -> None:
    """Whether a signature of the key can go there; `source` is the file of the message, if any.

    Raises StatusError.
    """
    if name == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            _refuse("standard output is a terminal; leave out sigfile= to see the signature")
        return
    path = Path(name)
    if source is not None and path.exists() and path.samefile(source):
        _refuse(f"{path} is the message itself")
    if path.is_dir():
        _refuse(f"{path} is a folder")
    if not path.parent.is_dir():
        _refuse(f"there is no folder {path.parent}")
    if denied := files.unwritable(path):
        _refuse(files.sentence(denied), Status.OSErrorErrno)
    if not is_among_lines(name):
        _check_replaced(path, key)


def _check_replaced(path: Path, key: KeyFile) -> None:
    """The guide writes over an earlier signature (2.9.4 step 4). What is something else, such as
    the firmware, stays.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST)
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None
    if not registry.of(key).is_signature(data):
        _refuse(f"{path} is there and is not a signature; name another file, or remove it")


def _refuse(reason: str, status: Status = Status.InvalidParameter) -> NoReturn:
    raise StatusError(status, f"{reason}; no signature was made", WHERE)


def is_among_lines(name: str) -> bool:
    """Whether it is where the lines go (/dev/stdout), which would be written over each other."""
    if name == STANDARD_OUTPUT:
        return False
    try:
        return os.path.samestat(Path(name).stat(), os.fstat(sys.stdout.fileno()))
    except OSError:
        return False


def write_among_lines(signature: bytes) -> None:
    """Where the next line would be."""
    sys.stdout.buffer.write(signature)


def write(name: str, signature: bytes, *, spent: bool) -> StatusError | None:
    """Why the signature could not be written there, or None; `spent`: it took a leaf.

    Raises OSError where standard output can't be written.
    """
    if name == STANDARD_OUTPUT:
        sys.stdout.buffer.write(signature)
        sys.stdout.buffer.flush()
        return None
    try:
        _put(Path(name), signature)
    except OSError as error:
        why = ", for its leaf is spent" if spent else ""
        detail = f"{files.sentence(error, name)}; the signature is printed here instead{why}"
        return StatusError(Status.OSErrorErrno, detail, WHERE)
    return None


def _put(path: Path, signature: bytes) -> None:
    """All of it or nothing: half a signature is not left there, and an earlier one stays."""
    real = Path(os.path.realpath(path))
    if real.exists() and not real.is_file():
        # A pipe or a device has nothing to keep.
        real.write_bytes(signature)
        return
    with contextlib.ExitStack() as stack:
        try:
            written = stack.enter_context(files.written_aside(real, signature))
        except PermissionError:
            # The file may be written, and its folder not.
            real.write_bytes(signature)
            return
        if real.exists():
            written.chmod(stat.S_IMODE(real.stat().st_mode))
        written.replace(real)


def place(name: str) -> str:
    """What to call it."""
    return "standard output" if name == STANDARD_OUTPUT else name

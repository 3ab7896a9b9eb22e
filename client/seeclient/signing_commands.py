"""`pipsqueak alias=... message=...`, with `sigfile=` and `verify=` (guide 2.7.1)."""

import os
import sys
import time
from pathlib import Path

from seeclient import advice, operations
from seeclient.algorithms import registry
from seeclient.arguments import Arguments
from seeclient.blocking import Fleet
from seeclient.keyfile import KeyFile
from seeclient.message import Message, unreadable
from seeclient.output_text import SHOWN_BYTES, Output
from seeclient.results import Signed
from seemachine.wire.status import Status, StatusError

COMPAT_VARIABLE = "PIPSQUEAK_COMPAT"
VENDOR = "1.4.1"
STANDARD_INPUT = "-"


def sign(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Sign, and check the signature. Returns the exit code."""
    path = arguments.texts.get("sigfile")
    try:
        key = fleet.roster.keys.load(arguments.texts["alias"])
        message = Message(_source(arguments))
        head, more = _head(message)
        # A leaf is dear: what can fail without one fails first.
        if path is not None:
            _check_target(Path(path), arguments)
        output.key(key)
        began = time.perf_counter()
        signed = _signed(fleet, key, message, arguments)
        seconds = time.perf_counter() - began
    except StatusError as error:
        output.refused(error, "sign failed")
        output.advise(advice.signing_refused(error))
        return 1
    # The file first: should nobody read what is printed, the signature is not lost.
    shown = path is not None and _is_output(Path(path))
    failure = _write(Path(path), signed) if path is not None and not shown else None
    output.message(_message_name(arguments), head, more=more)
    if shown:
        sys.stdout.buffer.write(signed.signature)
    output.signature(key, signed, seconds, path if failure is None else None)
    if failure is not None:
        output.refused(failure, "sigfile not written")
        return 1
    return _self_check(fleet, key, message, signed, arguments, output)


def _signed(fleet: Fleet, key: KeyFile, message: Message, arguments: Arguments) -> Signed:
    """1.4.1 knows no thresholds: with its quirks nobody is asked, which the ledger keeps."""
    try:
        why = arguments.texts.get("acknowledge")
        return fleet.run(operations.sign(fleet.roster, key, message, why))
    except StatusError as refused:
        if refused.status is not Status.UseLimitExceeded or not arguments.quirks:
            raise
    why = f"{COMPAT_VARIABLE}={VENDOR}"
    return fleet.run(operations.sign(fleet.roster, key, message, why))


def _self_check(
    fleet: Fleet,
    key: KeyFile,
    message: Message,
    signed: Signed,
    arguments: Arguments,
    output: Output,
) -> int:
    began = time.perf_counter()
    try:
        # The vendor's check asks for the NVRAM file first, which is gone after the last leaf: a
        # good signature looks bad (2.7.2.1 step 7).
        if arguments.quirks:
            fleet.run(registry.of(key).look_for(fleet.roster, key))
        operations.verify(key, message, signed.signature)
    except StatusError as error:
        output.note(error)
        output.verified(key, time.perf_counter() - began, good=False)
        return 0 if error.status is Status.NotAvailable else 1
    output.verified(key, time.perf_counter() - began, good=True)
    return 0


def verify(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Check a signature without a machine. Returns the exit code."""
    path = Path(arguments.texts["verify"])
    try:
        key = fleet.roster.keys.load(arguments.texts["alias"])
        output.key(key)
        signature = _read(path)
        message = Message(_source(arguments))
        head, more = _head(message)
        encoding = operations.verify(key, message, signature, str(path))
    except StatusError as error:
        output.refused(error, "verify failed")
        return 1
    output.message(_message_name(arguments), head, more=more)
    output.verified(key, None, good=True, form=encoding)
    return 0


def _source(arguments: Arguments) -> bytes | Path:
    path = arguments.texts.get("msgfile")
    if path is None:
        return os.fsencode(arguments.texts["message"])
    try:
        return sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path)
    except OSError as error:
        raise unreadable(Path(path), error) from None


def _message_name(arguments: Arguments) -> str:
    return arguments.texts.get("msgfile") or arguments.texts["message"]


def _head(message: Message) -> tuple[bytes, bool]:
    first = next(message.pieces(), b"")
    return first[:SHOWN_BYTES], len(first) > SHOWN_BYTES


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def _check_target(path: Path, arguments: Arguments) -> None:
    source = arguments.texts.get("msgfile", STANDARD_INPUT)
    if source != STANDARD_INPUT and path.exists() and path.samefile(source):
        raise StatusError(
            Status.InvalidParameter,
            f"{path} is the message itself; no signature was made",
            "write_file",
        )
    target = path if path.exists() else path.parent
    if path.is_dir():
        raise StatusError(
            Status.InvalidParameter, f"{path} is a folder; no signature was made", "write_file"
        )
    if not path.parent.is_dir():
        raise StatusError(
            Status.InvalidParameter,
            f"there is no folder {path.parent}; no signature was made",
            "write_file",
        )
    if not os.access(target, os.W_OK):
        raise StatusError(
            Status.AccessDenied, f"{path} can't be written; no signature was made", "write_file"
        )


def _is_output(path: Path) -> bool:
    """Whether it is where the lines go (/dev/stdout), which would be written over each other."""
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except OSError:
        return False


def _write(path: Path, signed: Signed) -> StatusError | None:
    """Why the signature could not be written to its file, or None."""
    try:
        path.write_bytes(signed.signature)
    except OSError as error:
        detail = (
            f"{path}: {error.strerror}; the signature is printed here instead, for its leaf is"
            " spent"
        )
        return StatusError(Status.OSErrorErrno, detail, "write_file")
    return None

"""`pipsqueak alias=... message=...`, with `sigfile=` and `verify=` (guide 2.7.1)."""

import os
import sys
import time
from pathlib import Path

from seeclient import advice, operations, sigfile
from seeclient.algorithms import registry
from seeclient.arguments import Arguments
from seeclient.blocking import Fleet
from seeclient.keyfile import KeyFile
from seeclient.message import Message, unreadable
from seeclient.output import SHOWN_BYTES, Output
from seeclient.passphrases import given_for
from seeclient.results import Signed
from seeclient.signing_options import SigningOptions
from seemachine.chance.mark import insecure
from seemachine.frozen import replace
from seemachine.printing import say
from seemachine.wire.status import Status, StatusError

COMPAT_VARIABLE = "PIPSQUEAK_COMPAT"
VENDOR = "1.4.1"
STANDARD_INPUT = "-"


def sign(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Sign, and check the signature. Returns the exit code."""
    name = arguments.texts.get("sigfile")
    try:
        key = fleet.roster.load(arguments.texts["alias"])
        message = Message(_source(arguments))
        head, more = _head(message)
        # A leaf is dear: what can fail without one fails first.
        _refuse_nothing(arguments, head)
        if name is not None:
            sigfile.check(name, key, _message_file(arguments))
        output.key(key)
        began = time.perf_counter()
        signed = _signed(fleet, key, message, arguments)
        seconds = time.perf_counter() - began
    except StatusError as error:
        output.refused(error, "sign failed")
        output.advise(advice.signing_refused(error, document=arguments.json))
        return 1
    # The signature first: should nobody read what is printed, it is not lost.
    failure = _keep(name, signed, output)
    output.message(_message_name(arguments), head, more=more)
    if name is not None and sigfile.is_among_lines(name):
        sigfile.write_among_lines(signed.signature)
    place = sigfile.place(name) if name is not None and failure is None else None
    output.signature(key, signed, seconds, place)
    if failure is not None:
        output.refused(failure, "sigfile not written")
        return 1
    return _self_check(fleet, key, message, signed, arguments, output)


def _keep(name: str | None, signed: Signed, output: Output) -> StatusError | None:
    """Write the signature to its file, if that is one. Returns what kept it from being written."""
    spent = signed.leaf is not None
    output.outcome = f"a signature was made{', and its leaf is spent' if spent else ''}"
    if name is None or sigfile.is_among_lines(name):
        return None
    failure = sigfile.write(name, signed.signature, spent=spent)
    if failure is None:
        output.outcome = f"the signature is in {sigfile.place(name)}"
    return failure


def _signed(fleet: Fleet, key: KeyFile, message: Message, arguments: Arguments) -> Signed:
    """1.4.1 knows no thresholds: with its quirks nobody is asked, which the ledger keeps."""
    options = options_of(arguments)

    def attempt(known: tuple[str, ...]) -> Signed:
        asked = replace(options, passphrases=known)
        return fleet.run(operations.sign(fleet.roster, key, message, asked))

    try:
        taken = arguments.texts.get("msgfile") == STANDARD_INPUT
        return given_for(getattr(key, "token", ""), attempt, taken=taken)
    except StatusError as refused:
        if refused.status is not Status.UseLimitExceeded or not arguments.quirks:
            raise
    options = replace(options, acknowledge=f"{COMPAT_VARIABLE}={VENDOR}")
    return fleet.run(operations.sign(fleet.roster, key, message, options))


def options_of(arguments: Arguments) -> SigningOptions:
    """How the command line wants it signed."""
    return SigningOptions(
        acknowledge=arguments.texts.get("acknowledge"),
        context=_context(arguments),
        deterministic=arguments.texts.get("deterministic") == "yes",
    )


def _context(arguments: Arguments) -> bytes:
    return os.fsencode(arguments.texts.get("context", ""))


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
        operations.verify(key, message, signed.signature, context=_context(arguments))
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
        key = fleet.roster.load(arguments.texts["alias"])
        _tell_of_seed(fleet, key)
        output.key(key)
        signature = _read(path)
        message = Message(_source(arguments))
        head, more = _head(message)
        context = _context(arguments)
        encoding = operations.verify(key, message, signature, str(path), context=context)
    except StatusError as error:
        output.refused(error, "verify failed")
        return 1
    output.outcome = "the signature is good"
    output.message(_message_name(arguments), head, more=more)
    output.verified(key, None, good=True, form=encoding)
    return 0


def _tell_of_seed(fleet: Fleet, key: KeyFile) -> None:
    """Where neither the world nor a machine did."""
    if key.marked and not fleet.peers and not fleet.roster.keys.seed:
        say(insecure(key.insecure), file=sys.stderr)


def _source(arguments: Arguments) -> bytes | Path:
    path = arguments.texts.get("msgfile")
    if path is None:
        return os.fsencode(arguments.texts["message"])
    try:
        return sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path)
    except OSError as error:
        raise unreadable(Path(path), error) from None


def _message_file(arguments: Arguments) -> str | None:
    """The file of the message; None where it has none that could be written over."""
    name = arguments.texts.get("msgfile", STANDARD_INPUT)
    return None if name == STANDARD_INPUT else name


def _refuse_nothing(arguments: Arguments, head: bytes) -> None:
    """A command that failed leaves nothing in its pipe: that is not what was to be signed."""
    name = arguments.texts.get("msgfile")
    if head or name is None or Path(name).is_file():
        return
    what = "standard input" if name == STANDARD_INPUT else name
    detail = f"{what} is empty; message= signs an empty message; no signature was made"
    raise StatusError(Status.InvalidParameter, detail, "read_file")


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

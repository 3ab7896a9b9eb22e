"""What `cms sign`, `jar sign` and `cose sign` do one after another: all that can be refused is
refused, a person is asked, then it is signed, checked and written.
"""

import argparse
import base64
import datetime as dt
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from seeclient import blocking, environment
from seeclient.blocking import Key
from seeclient.keyfile import KeyFile
from seeclient.passphrases import given_for
from seeclient.results import Signed

from seemachine.cli import leaves
from seemachine.cli.answer import Answer, Misused
from seemachine.cli.in_files import is_standard_input, refuse_two_of_input
from seemachine.cli.out_files import OutFile, lost
from seemachine.frozen import frozen
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.keys import PublicKey
from seemachine.wire.status import StatusError

# Of ML-DSA its bytes.
PublicValue = HssPublicKey | bytes
# Of a message that could not be written, so much is printed instead.
MOST_PRINTED = 1 << 20


class Prepared(Protocol):
    """A message that lacks nothing but its signature."""

    @property
    def key(self) -> PublicValue:
        """That of the signer."""

    @property
    def to_sign(self) -> bytes | Path:
        """What the signature must be over."""

    def finished(self, signature: bytes) -> bytes:
        """The message."""


@frozen
class Work:
    """What a command makes: `what` it is, in words, `over` which bytes a signature of a key is, and
    where it goes if nobody says.

    `check` raises what `verify` of the same command would.
    """

    what: str
    over: Callable[[PublicValue], str]
    sources: tuple[Path, ...]
    out: str
    prepare: Callable[[PublicValue], Prepared]
    check: Callable[[PublicValue, bytes], object]
    # What is written of the message; None: the message itself.
    written: Callable[[bytes], bytes] | None = None


def check_words(options: argparse.Namespace) -> None:
    """What is wrong whatever the world looks like. Raises Misused."""
    words = vars(options)
    refuse_two_of_input(files_read(options))
    if words.get("key") and any(words.get(each) for each in ("certificate", "crl", "purpose")):
        raise Misused("--certificate, --crl and --purpose are for --root; a key needs none of them")
    if "alias" in words and is_standard_input(options.file) and options.out is None:
        raise Misused(
            "what is made of standard input has no name; say with --out where it goes, - is"
            " standard output"
        )


def files_read(options: argparse.Namespace) -> list[Path]:
    """Those that the words of a command name."""
    words = vars(options)
    read = [words.get(each) for each in ("message", "file", "external", "key")]
    several = [words.get(each, ()) for each in ("certificate", "root", "crl")]
    return [*filter(None, read), *itertools.chain.from_iterable(several)]


def sign(work: Work, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises Refused; ValueError of the room that makes the message."""
    answer: Answer = options.answer
    out = OutFile(options.out or work.out, options.force, options.umask)
    out.check(work.sources, text=work.written is not None, as_json=answer.as_json)
    try:
        given = environment.from_process(options.environ, options.world)
        with blocking.connected(given) as fleet:
            leaves.tell_of_seeds(fleet, answer)
            key = fleet.key(options.alias)
            prepared = work.prepare(public_key(key.file))
            leaves.ask(key, 1, work.what, yes=options.yes)
            with leaves.interrupted(key, answer):
                signed = _signed(key, prepared, options)
                made = prepared.finished(signed.signature)
                # The message first: should nobody read what is printed, it is not lost.
                written = work.written(made) if work.written else made
                code = _put(written, signed.leaf, out, answer)
    except StatusError as error:
        raise leaves.refused(error) from None
    work.check(prepared.key, made)
    _give(signed, work.over(prepared.key), options)
    if not out.is_stream:
        _tell(signed, work.over(prepared.key), "" if code else f"{out.name}: ", options)
    return code


def _signed(key: Key, prepared: Prepared, options: argparse.Namespace) -> Signed:
    def attempt(known: tuple[str, ...]) -> Signed:
        return key.sign_with(prepared.to_sign, acknowledge=options.acknowledge, passphrases=known)

    return given_for(getattr(key.file, "token", ""), attempt)


def public_key(file: KeyFile) -> PublicValue:
    """That of a key of this host; of ML-DSA its bytes."""
    if file.algorithm != "LMS":
        return file.public_key
    return HssPublicKey(1, PublicKey.decode(file.public_key))


def _put(made: bytes, leaf: int | None, out: OutFile, answer: Answer) -> int:
    trouble = out.put_signed(made)
    answer.give(file=None if trouble else out.name)
    if not trouble:
        return 0
    if out.is_stream or len(made) > MOST_PRINTED:
        answer.note(lost(trouble, leaf))
        return 1
    answer.note(f"{trouble}; it is printed here in base64 instead, for it is signed")
    text = base64.b64encode(made).decode()
    answer.give(message=text)
    answer.say(text)
    return 1


def _give(signed: Signed, over: str, options: argparse.Namespace) -> None:
    answer: Answer = options.answer
    answer.give(alias=options.alias, esn=signed.esn, leaf=signed.leaf, over=over)
    answer.give(remaining=signed.remaining)


def _tell(signed: Signed, over: str, place: str, options: argparse.Namespace) -> None:
    answer: Answer = options.answer
    by = f"{options.alias} on {signed.esn}"
    if signed.leaf is None:
        answer.report(f"{place}signed with {by}, over {over}")
        return
    answer.report(f"{place}signed with leaf {signed.leaf} of {by}, over {over}")
    left = "1 signature is" if signed.remaining == 1 else f"{signed.remaining} signatures are"
    answer.say(f"{left} left there")


def now(options: argparse.Namespace) -> dt.datetime | None:
    """The signing time, if there is to be one."""
    return None if options.no_time else dt.datetime.now(dt.UTC)

"""What `seemachine verify` finds of each file and its signature."""

import contextlib
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from seeclient import files as host_files
from seeclient import signatures, verifying
from seeclient.message import PIECE_BYTES, Message
from seeclient.refusals import NotVerified, OfAnotherKey, SignatureNotRecognized

from seemachine.cli.in_files import is_standard_input, title
from seemachine.cli.verify_pairs import Pair
from seemachine.cli.words.options import DIGESTS
from seemachine.encodings.forms import Key, RecognizedSignature
from seemachine.encodings.kinds import bytes_of
from seemachine.encodings.readings import MAX_TEXT
from seemachine.encodings.recognition import is_signed_message
from seemachine.frozen import frozen
from seemachine.signing_files import manifests
from seemachine.signing_files.sources import Source
from seemachine.wire.status import Status, StatusError

# Signatures that are in memory at a time.
SHARE = 256
# Up to here a file is hashed once more to find what its signature is over.
MOST_SEARCHED = 64 << 20
READ = "read_file"
# Why a file is not verified, in JSON.
UNREADABLE = "unreadable"
NO_SIGNATURE = "no-signature"


class NotAsListed(StatusError):
    """A file has another digest than a list states of it."""


class NoSignature(StatusError):
    """There is none of a file, or a message in its place, which another command verifies."""


@frozen
class Check:
    """What signatures are held against: a key, a context of ML-DSA, and what is done with each file
    before; nothing: its own bytes were signed.
    """

    key: Key
    context: bytes
    digest: str


WORDS: dict[type[StatusError], str] = {
    NotVerified: "not-verified",
    OfAnotherKey: "of-another-key",
    SignatureNotRecognized: "signature-not-recognized",
    NotAsListed: "not-as-listed",
    NoSignature: NO_SIGNATURE,
}


class Outcome(NamedTuple):
    """Of one pair: its signature, if it is one, and why it is not verified, if it is not."""

    pair: Pair
    signature: RecognizedSignature | None
    trouble: StatusError | None

    @property
    def why(self) -> str | None:
        """The word for that in JSON."""
        if self.trouble is None:
            return None
        return WORDS.get(type(self.trouble), UNREADABLE)

    @property
    def is_of_other_bytes(self) -> bool:
        """Whether it has the right form, and does not verify."""
        return isinstance(self.trouble, NotVerified)


class Streamed(Message):
    """What gives its bytes once, such as a pipe; they are not kept."""

    def pieces(self) -> Iterator[bytes]:
        """Once."""
        path = self._source
        assert isinstance(path, Path)
        try:
            with _opened(path) as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise host_files.refusal(path, error, READ) from None


def contents(name: str) -> bytes:
    """A key or a signature, or one byte more than any has. Raises StatusError."""
    if not is_standard_input(name):
        return signatures.contents(Path(name))
    return sys.stdin.buffer.read(MAX_TEXT + 1)


def outcomes(check: Check, pairs: Sequence[Pair]) -> Iterator[Outcome]:
    """Of each, in order; on all cores."""
    for start in range(0, len(pairs), SHARE):
        part = pairs[start : start + SHARE]
        read = [_signature(pair) for pair in part]
        whole = [
            (pair, found)
            for pair, found in zip(part, read, strict=True)
            if not isinstance(found, StatusError)
        ]
        verdicts = _verdicts(check, whole)
        for pair, found in zip(part, read, strict=True):
            if isinstance(found, StatusError):
                yield Outcome(pair, None, found)
            else:
                yield Outcome(pair, found, next(verdicts))


def over_digest(check: Check, outcome: Outcome) -> str:
    """The digest of the file that a signature is over rather than the file; empty for none."""
    path, found = Path(outcome.pair.file), outcome.signature
    if found is None or check.digest or not path.is_file():
        return ""
    if path.stat().st_size > MOST_SEARCHED:
        return ""
    tried = (Check(check.key, check.context, name) for name in DIGESTS)
    return next((each.digest for each in tried if _alone(each, outcome.pair, found) is None), "")


def _verdicts(
    check: Check, read: Sequence[tuple[Pair, RecognizedSignature]]
) -> Iterator[StatusError | None]:
    plain = not check.context and not check.digest
    if len(read) > 1 and plain and all(Path(pair.file).is_file() for pair, _ in read):
        key = bytes_of(check.key)
        return verifying.verify_many(
            (key, Path(pair.file), signatures.encoded(found)) for pair, found in read
        )
    return (_alone(check, pair, found) for pair, found in read)


def _alone(check: Check, pair: Pair, found: RecognizedSignature) -> StatusError | None:
    try:
        message = _message(pair.file, check.digest)
        verifying.check(check.key, message, signatures.encoded(found), context=check.context)
    except StatusError as refusal:
        return refusal
    return None


def _message(name: str, digest: str) -> Message:
    """Raises StatusError."""
    path = Path(name)
    message = Message(path) if path.is_file() else Streamed(path)
    return Message(_digest(message, digest)) if digest else message


def _digest(message: Message, name: str) -> bytes:
    hashed = hashlib.new(name)
    for piece in message.pieces():
        hashed.update(piece)
    return hashed.digest()


def _check_listed(source: Source) -> None:
    """Raises StatusError."""
    try:
        manifests.check(source)
    except StatusError as refusal:
        if refusal.status is not Status.InvalidParameter:
            raise
        raise NotAsListed(refusal.status, refusal.detail, refusal.where) from None


def _check_found(pair: Pair) -> None:
    """Raises NoSignature for one that was sought and is not there; StatusError where its file is
    not there either.
    """
    if not pair.sought or Path(pair.signature).exists():
        return
    try:
        Path(pair.file).stat()
    except OSError as error:
        raise host_files.refusal(Path(pair.file), error, READ) from None
    raise NoSignature(Status.OSErrorErrno, pair.missing, READ)


def _opened(path: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    if is_standard_input(path):
        return contextlib.nullcontext(sys.stdin.buffer)
    return path.open("rb")


def _signature(pair: Pair) -> RecognizedSignature | StatusError:
    try:
        if pair.listed is not None:
            _check_listed(pair.listed)
        _check_found(pair)
        return _recognized(contents(pair.signature), title(pair.signature))
    except StatusError as refusal:
        return refusal


def _recognized(data: bytes, name: str) -> RecognizedSignature:
    """Raises StatusError."""
    try:
        return signatures.recognized(data, name)
    except SignatureNotRecognized as refusal:
        if not is_signed_message(data):
            raise
        raise NoSignature(refusal.status, refusal.detail, refusal.where) from None

"""Signatures in whatever form they were given out."""

from pathlib import Path

from seeclient.message import Message
from seeclient.public_keys import PublicKey
from seeclient.refusals import OfAnotherKey, SignatureNotRecognized
from seemachine.encodings.describing import described
from seemachine.encodings.kinds import FormError, RecognizedSignature, algorithm_of, bytes_of
from seemachine.encodings.readings import MAX_TEXT
from seemachine.encodings.recognition import recognized_key, recognized_signature
from seemachine.lms import hss
from seemachine.lms.hss import HssSignature
from seemachine.lms.parameters import ParameterError
from seemachine.lms.shapes import is_plain
from seemachine.mldsa.parameters import of_public_key
from seemachine.wire.status import Status

WHERE = "public_verify"
GivenSignature = bytes | str | Path


def as_given(signature: object) -> GivenSignature:
    """What its owner may change is copied. Raises TypeError."""
    if isinstance(signature, bytes | str | Path):
        return signature
    if isinstance(signature, bytearray | memoryview):
        return bytes(signature)
    what = "a signature is bytes, text or the Path of a file"
    raise TypeError(f"{what}, not {type(signature).__name__}")


def signature_for(key: PublicKey, given: GivenSignature, name: str) -> bytes:
    """A signature in any form in the encoding of the algorithm of `key`: plain LMS or HSS, or
    ML-DSA. `name` is what it is called where it is not a file.

    Raises SignatureNotRecognized, OfAnotherKey, and StatusError for a file that can't be read.
    """
    data = contents(given)
    if _is_bare(key, data):
        return data
    found = recognized(data, str(given) if isinstance(given, Path) else name)
    algorithm = algorithm_of(key)
    if algorithm_of(found.signature) != algorithm:
        detail = f"it is a {described(found)}, and the key is of {algorithm}"
        raise OfAnotherKey(Status.VerifyFailed, detail, WHERE)
    return encoded(found)


def recognized(data: bytes, name: str) -> RecognizedSignature:
    """A signature in any form, and which. Raises SignatureNotRecognized."""
    try:
        return recognized_signature(data)
    except FormError as error:
        sentence = "this is a public key, and not a signature" if _is_key(data) else str(error)
    detail = FormError(sentence).about(name)
    raise SignatureNotRecognized(Status.VerifyFailed, detail, WHERE) from None


def encoded(found: RecognizedSignature) -> bytes:
    """In the encoding that it was made in: only one that came as HSS has a level word."""
    made = found.signature
    if isinstance(made, HssSignature) and found.form == "lms":
        return made.signatures[-1].encode()
    return bytes_of(made)


def contents(given: GivenSignature) -> bytes:
    """All of it, or one byte more than any signature has. Raises StatusError."""
    if isinstance(given, str):
        return given.encode(errors="surrogatepass")
    return Message(given).first(MAX_TEXT + 1)


def _is_bare(key: PublicKey, data: bytes) -> bool:
    """Whether it needs no unwrapping. These are most, and recognizing takes longer."""
    if isinstance(key, bytes):
        return len(data) == of_public_key(key).signature_bytes
    if is_plain(key.key, data):
        return True
    try:
        hss.decode_either(data)
    except ParameterError:
        return False
    return True


def _is_key(data: bytes) -> bool:
    try:
        recognized_key(data)
    except FormError:
        return False
    return True

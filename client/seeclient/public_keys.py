"""Public keys in whatever form they were given out."""

from pathlib import Path

from seeclient.message import Message
from seeclient.refusals import KeyNotRecognized
from seemachine.encodings.kinds import FormError, Key, RecognizedKey
from seemachine.encodings.readings import MAX_TEXT
from seemachine.encodings.recognition import recognized_key
from seemachine.wire.status import Status

WHERE = "public_verify"
PublicKey = Key


def read_public_key(given: bytes | str | Path) -> PublicKey:
    """The public key in any of the forms that `seeclient.verify` takes; of ML-DSA its bytes.

    Raises KeyNotRecognized, and StatusError for a file that can't be read.
    """
    return recognized(given).key


def recognized(given: bytes | str | Path, given_as: str = "") -> RecognizedKey:
    """The same, and the form that it is in, which must be `given_as` where that is given. Raises as
    `read_public_key` does.
    """
    try:
        return recognized_key(_bytes(given), given_as)
    except FormError as error:
        detail = error.about(_named(given))
        raise KeyNotRecognized(Status.InvalidParameter, detail, WHERE) from None


def _bytes(given: bytes | str | Path) -> bytes:
    if isinstance(given, str):
        return given.encode(errors="surrogatepass")
    return Message(given).first(MAX_TEXT + 1)


def _named(given: bytes | str | Path) -> str:
    return str(given) if isinstance(given, Path) else "public_key"

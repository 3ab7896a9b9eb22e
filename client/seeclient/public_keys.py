"""Public keys in whatever form they were given out."""

from pathlib import Path

from seeclient.message import Message
from seemachine.encodings.kinds import FormError, Key, RecognizedKey
from seemachine.encodings.readings import MAX_TEXT
from seemachine.encodings.recognition import recognized_key
from seemachine.wire.status import Status, StatusError

WHERE = "public_verify"
PublicKey = Key


def read_public_key(given: bytes | str | Path) -> PublicKey:
    """The public key in any of the forms that `seeclient.verify` takes; of ML-DSA its bytes.

    Raises StatusError.
    """
    return recognized(given).key


def recognized(given: bytes | str | Path) -> RecognizedKey:
    """The same, and the form that it is in. Raises StatusError."""
    try:
        return recognized_key(_bytes(given))
    except FormError as error:
        raise StatusError(Status.InvalidParameter, error.about(_named(given)), WHERE) from None


def _bytes(given: bytes | str | Path) -> bytes:
    if isinstance(given, str):
        return given.encode()
    data = Message(given).at_most(MAX_TEXT)
    return b"" if data is None else data


def _named(given: bytes | str | Path) -> str:
    return str(given) if isinstance(given, Path) else "public_key"

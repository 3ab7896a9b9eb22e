"""Checking a signature with a public key alone, in whatever form it was given out."""

from pathlib import Path

from seeclient.algorithms.lms.verifying import check
from seeclient.message import Message
from seemachine.encodings.der import DerError
from seemachine.encodings.keyforms import certificate, public_key, subject_public_key
from seemachine.encodings.readings import MAX_TEXT, readings
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.wire.status import Status, StatusError

WHERE = "lms_public_verify"
FORMS = "an LMS or HSS public key, or a SubjectPublicKeyInfo or certificate with one"


def verify(message: bytes | Path, signature: bytes, public_key: bytes | str | Path) -> None:
    """Check a signature with a public key alone: no machine, no key file, no world.

    `message` is bytes, or the Path of a file of any size. `signature` is plain LMS (RFC 8554 5.4)
    or HSS (6.2), of any maker. `public_key` is an LMS key (5.3), which is an HSS key of one level,
    an HSS key (6.1), a SubjectPublicKeyInfo (RFC 9802, RFC 8708) or an X.509 certificate with one:
    as bytes, DER, PEM, hexadecimal or base64, or the Path of a file with any of these. Raises
    StatusError: VerifyFailed; InvalidParameter for what is not one public key.
    """
    check(read_public_key(public_key), Message(message), signature, "it")


def read_public_key(given: bytes | str | Path) -> HssPublicKey:
    """The public key in any of the forms that `verify` takes. Raises StatusError."""
    found = {key for reading in readings(_bytes(given)) for key in _keys(reading.data)}
    if len(found) != 1:
        what = f"holds {len(found)} public keys" if found else f"is not {FORMS}"
        raise StatusError(Status.InvalidParameter, f"{_named(given)} {what}", WHERE)
    return found.pop()


def _bytes(given: bytes | str | Path) -> bytes:
    if isinstance(given, str):
        return given.encode()
    data = Message(given).at_most(MAX_TEXT)
    return b"" if data is None else data


def _named(given: bytes | str | Path) -> str:
    return str(given) if isinstance(given, Path) else "public_key"


def _keys(data: bytes) -> list[HssPublicKey]:
    found = []
    for read in (public_key, subject_public_key, _certified):
        try:
            found.append(read(data))
        except (ParameterError, DerError):
            continue
    return [key for key in found if key is not None]


def _certified(data: bytes) -> HssPublicKey | None:
    return certificate(data).key

"""Public keys in whatever form they were given out."""

from collections.abc import Callable, Iterator
from pathlib import Path

from seeclient.message import Message
from seemachine.encodings import keyforms, mldsa_forms
from seemachine.encodings.der import DerError
from seemachine.encodings.readings import MAX_TEXT, readings
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MldsaError
from seemachine.wire.status import Status, StatusError

WHERE = "public_verify"
FORMS = "an LMS, HSS or ML-DSA public key, or a SubjectPublicKeyInfo or certificate with one"
PublicKey = HssPublicKey | bytes


def read_public_key(given: bytes | str | Path) -> PublicKey:
    """The public key in any of the forms that `seeclient.verify` takes; of ML-DSA its bytes.

    Raises StatusError.
    """
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


READERS: tuple[Callable[[bytes], PublicKey | None], ...] = (
    keyforms.public_key,
    keyforms.subject_public_key,
    lambda data: keyforms.certificate(data).key,
    mldsa_forms.public_key,
    mldsa_forms.subject_public_key,
    mldsa_forms.certified,
)


def _keys(data: bytes) -> Iterator[PublicKey]:
    for read in READERS:
        try:
            found = read(data)
        except (ParameterError, MldsaError, DerError):
            continue
        if found is not None:
            yield found

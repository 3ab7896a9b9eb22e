"""Checking a signature with a public key alone, in whatever form it was given out."""

from collections.abc import Callable, Iterator
from pathlib import Path

from seeclient import algorithms
from seeclient.message import Message
from seemachine.encodings import keyforms, mldsa_forms
from seemachine.encodings.der import DerError
from seemachine.encodings.readings import MAX_TEXT, readings
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MldsaError, of_public_key
from seemachine.wire.status import Status, StatusError

WHERE = "public_verify"
FORMS = "an LMS, HSS or ML-DSA public key, or a SubjectPublicKeyInfo or certificate with one"
PublicKey = HssPublicKey | bytes


def verify(
    message: bytes | Path,
    signature: bytes,
    public_key: bytes | str | Path,
    *,
    algorithm: str = "",
    context: bytes = b"",
) -> None:
    """Check a signature with a public key alone: no machine, no key file, no world.

    `message` is bytes, or the Path of a file of any size. `signature` is plain LMS (RFC 8554 5.4)
    or HSS (6.2), or ML-DSA (FIPS 204), of any maker. `public_key` is an LMS key (5.3), which is an
    HSS key of one level, an HSS key (6.1), an ML-DSA key (FIPS 204 algorithm 22), a
    SubjectPublicKeyInfo (RFC 9802, RFC 8708, RFC 9881) or an X.509 certificate with one: as bytes,
    DER, PEM, hexadecimal or base64, or the Path of a file with any of these. What it is of, it
    tells; `algorithm` may say which must be meant: LMS, ML-DSA, or a set such as mldsa87. `context`
    is that of FIPS 204 5.2. Raises StatusError: VerifyFailed; InvalidParameter for what is not one
    public key, or not one of that algorithm.
    """
    if not isinstance(signature, bytes | bytearray | memoryview):
        raise TypeError(f"a signature is bytes, not {type(signature).__name__}")
    key = read_public_key(public_key)
    _refuse_other(key, algorithm)
    if isinstance(key, bytes):
        from seeclient.algorithms.mldsa.verifying import check

        check(key, Message(message), signature, "it", context)
        return
    from seeclient.algorithms.lms import options, verifying

    options.refuse_foreign(context=context)
    verifying.check(key, Message(message), signature, "it")


def read_public_key(given: bytes | str | Path) -> PublicKey:
    """The public key in any of the forms that `verify` takes; of ML-DSA its bytes.

    Raises StatusError.
    """
    found = {key for reading in readings(_bytes(given)) for key in _keys(reading.data)}
    if len(found) != 1:
        what = f"holds {len(found)} public keys" if found else f"is not {FORMS}"
        raise StatusError(Status.InvalidParameter, f"{_named(given)} {what}", WHERE)
    return found.pop()


def _refuse_other(key: PublicKey, algorithm: str) -> None:
    """Raises StatusError unless the key may be called so."""
    names = {"lms", "hss"}
    if isinstance(key, bytes):
        parameters = of_public_key(key)
        names = {"mldsa", parameters.name}
    if algorithm and algorithm.lower().replace("-", "") not in names:
        known = ", ".join(algorithms.MODULES)
        detail = f"the public key is not one of {algorithm}; known are {known} and their sets"
        raise StatusError(Status.InvalidParameter, detail, WHERE)


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

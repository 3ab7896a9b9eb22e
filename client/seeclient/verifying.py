"""Checking signatures with public keys alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from seeclient import algorithms
from seeclient.bulk import NAME, HasPublicKey, refuse_other_types, verdicts
from seeclient.message import Message
from seeclient.public_keys import WHERE, PublicKey, read_public_key
from seemachine.mldsa.parameters import of_public_key
from seemachine.wire.status import Status, StatusError


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
    refuse_other_types(signature)
    key = read_public_key(public_key)
    _refuse_other(key, algorithm)
    if isinstance(key, bytes):
        from seeclient.algorithms.mldsa.verifying import check

        check(key, Message(message), signature, NAME, context)
        return
    from seeclient.algorithms.lms import options, verifying

    options.refuse_foreign(context=context)
    verifying.check(key, Message(message), signature, NAME)


def verify_many(
    items: Iterable[tuple[bytes | str | Path | HasPublicKey, bytes | Path, bytes]],
) -> Iterator[StatusError | None]:
    """Check many signatures of any keys, on all cores: for each, in order, None when it verifies,
    else the StatusError that `verify` raises.

    An item is a public key as `verify` takes it, or a key or key file that has one, then
    a message as bytes or as the Path of a file, and a signature. Algorithms and parameter sets may
    be mixed; those of one kind that are near each other are checked together. Of an endless
    iterator only some thousands of items, or 16 MiB, are in memory at a time. Raises TypeError,
    which says of which item, and which of its elements.
    """
    return verdicts(items)


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

"""Checking signatures with public keys alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from seeclient import algorithms, public_keys
from seeclient.bulk import NAME, HasPublicKey, verdicts
from seeclient.message import Message
from seeclient.public_keys import WHERE, PublicKey
from seeclient.refusals import KeyNotRecognized
from seeclient.signatures import GivenSignature, as_given, signature_for
from seemachine.mldsa.parameters import of_public_key
from seemachine.wire.status import Status, StatusError


def verify(
    message: bytes | Path,
    signature: bytes | str | Path,
    public_key: bytes | str | Path,
    *,
    algorithm: str = "",
    context: bytes = b"",
) -> None:
    """Check a signature with a public key alone: no machine, no key file, no world.

    `message` is bytes, or the Path of a file of any size, which is read once, a piece at a time.

    `signature` is plain LMS (RFC 8554 5.4), HSS of 1 to 8 levels (6.2) or ML-DSA (FIPS 204), of any
    maker. `public_key` is an LMS key (5.3), which is an HSS key of one level, an HSS key (6.1), an
    ML-DSA key (FIPS 204 algorithm 22), a SubjectPublicKeyInfo (RFC 9802, RFC 8708, RFC 9881), a
    COSE_Key, or an X.509 certificate with one, whose own signature and dates are not looked at.
    Both are bytes, text or the Path of a file in any form of docs/reference/key-forms.md, also in
    hexadecimal, base64, PEM or gzip; the form is recognized from the bytes.

    The algorithm is that of the key; `algorithm` may name the one that it must be: LMS, ML-DSA, or
    a set such as mldsa87. `context` is that of FIPS 204 5.2.

    Returns None where it verifies, and raises in every other case:

    - NotVerified: it is not of this key over this message
    - OfAnotherKey: no such key makes it; it is of another algorithm, set or number of levels
    - SignatureNotRecognized: it is not a signature, or a damaged one
    - KeyNotRecognized: that is not a public key, or a damaged one
    - StatusError: a file can't be read (OSErrorErrno); a key that is not of that algorithm, or a
      context with LMS (InvalidParameter). All those above are StatusErrors too.
    """
    made = as_given(signature)
    check(_key(public_key, message), Message(message), made, algorithm, context)


def check(
    key: PublicKey,
    message: Message,
    signature: GivenSignature,
    algorithm: str = "",
    context: bytes = b"",
) -> None:
    """The same with a key that was read. Raises as `verify` does."""
    _refuse_other(key, algorithm)
    made = signature_for(key, signature, NAME)
    if isinstance(key, bytes):
        from seeclient.algorithms.mldsa import verifying as of_mldsa

        of_mldsa.check(key, message, made, NAME, context)
        return
    from seeclient.algorithms.lms import options, verifying

    options.refuse_foreign(context=context)
    verifying.check(key, message, made, NAME)


def verify_many(
    items: Iterable[tuple[bytes | str | Path | HasPublicKey, bytes | Path, bytes | str | Path]],
) -> Iterator[StatusError | None]:
    """Check many signatures of any keys, on all cores: for each, in order, None when it verifies,
    else the StatusError that `verify` raises.

    An item is a public key as `verify` takes it, or a key or key file that has one, then
    a message as bytes or as the Path of a file, and a signature as `verify` takes it. Algorithms
    and parameter sets may be mixed; those of one kind that are near each other are checked
    together. Of an endless iterator only some thousands of items, or 16 MiB, are in memory at a
    time. Raises TypeError, which says of which item, and which of its elements.
    """
    return verdicts(items)


def _key(given: bytes | str | Path, message: bytes | Path) -> PublicKey:
    """Raises StatusError; who gave the three in another order is told so."""
    try:
        return public_keys.read_public_key(given)
    except KeyNotRecognized as refusal:
        if not _is_key(message):
            raise
        order = "; the message is one: give message, signature and public key in this order"
        detail = refusal.detail + order
    raise KeyNotRecognized(Status.InvalidParameter, detail, WHERE)


def _is_key(given: object) -> bool:
    try:
        return isinstance(given, bytes | Path) and bool(public_keys.read_public_key(given))
    except StatusError:
        return False


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

"""Whether a message is signed with a key (RFC 9052 4.4, RFC 8778 2, RFC 9964)."""

from seeclient.verifying import verify as verify_signature

from seemachine.cose.errors import CoseError
from seemachine.cose.headers import ALGORITHM, CRITICAL, Key, algorithm_of, to_be_signed
from seemachine.cose.sign1 import Sign1
from seemachine.encodings.kinds import bytes_of


def verify(message: Sign1, key: Key, payload: bytes | None = None, external: bytes = b"") -> None:
    """`payload` is that of a detached message, `external` the data outside of it.

    Raises CoseError for what no key could make good, StatusError (VerifyFailed) for a signature
    that is not one of this key over this payload.
    """
    signed = _payload(message, payload)
    _check_headers(message, key)
    to_verify = to_be_signed(message.protected, external, signed)
    verify_signature(to_verify, message.signature, bytes_of(key))


def _payload(message: Sign1, given: bytes | None) -> bytes:
    if message.payload is None and given is None:
        raise CoseError("it is detached; name the file that it signs")
    if message.payload is not None and given is not None:
        raise CoseError("it has its payload in it; name no other")
    signed = given if message.payload is None else message.payload
    assert signed is not None
    return signed


def _check_headers(message: Sign1, key: Key) -> None:
    if twice := message.headers.keys() & message.unprotected.keys():
        raise CoseError(f"it has the header {min(map(str, twice))} both signed and not")
    # We know none that changes what a signature means.
    if CRITICAL in message.headers or CRITICAL in message.unprotected:
        raise CoseError("it has critical headers, which are not known here")
    if ALGORITHM not in message.headers:
        raise CoseError("its algorithm is not among the signed headers")
    if message.headers[ALGORITHM] != algorithm_of(key):
        raise CoseError(
            f"its algorithm is {message.headers[ALGORITHM]!r}, that of the key {algorithm_of(key)}"
        )

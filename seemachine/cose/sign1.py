"""A COSE_Sign1 before it is signed, after, and taken apart.

All that can be refused is refused by `prepare`; then whoever has the key signs `to_sign`, and
`finished` puts the signature in.
"""

from dataclasses import dataclass
from typing import Any

from seemachine.cose.errors import CoseError
from seemachine.cose.headers import (
    ALGORITHM,
    CONTENT_TYPE,
    KEY_ID,
    Headers,
    Key,
    algorithm_of,
    protected_of,
    read_protected,
    to_be_signed,
)
from seemachine.encodings import cbor
from seemachine.encodings.cbor import CborError, Tagged
from seemachine.encodings.kinds import in_containers

TAG = 18
# COSE has no digest: the payload itself is signed, and is in memory.
MOST_PAYLOAD = 64 << 20
MOST_BYTES = 80 << 20


@dataclass(frozen=True, slots=True)
class Terms:
    """How a message is to be. `content_type` is a number of CoAP or a media type."""

    detached: bool = False
    external: bytes = b""
    key_id: bytes | None = None
    content_type: int | str | None = None
    tagged: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """`to_sign` is what the signature must be over."""

    key: Key
    to_sign: bytes
    _protected: bytes
    _unprotected: Headers
    _payload: bytes | None
    _tagged: bool

    def finished(self, signature: bytes) -> bytes:
        """The message, with a signature that is plain LMS, or ML-DSA."""
        # RFC 8778 2.
        held = in_containers(self.key, signature)
        message = [self._protected, self._unprotected, self._payload, held]
        return cbor.encoded(Tagged(TAG, message) if self._tagged else message)


@dataclass(frozen=True, slots=True)
class Sign1:
    """`payload` is None where it is detached. Nothing is believed yet."""

    protected: bytes
    headers: Headers
    unprotected: Headers
    payload: bytes | None
    signature: bytes

    @property
    def content_type(self) -> int | str | None:
        """The one that is signed, if it is a number or a text."""
        found = self.headers.get(CONTENT_TYPE)
        return found if type(found) in (int, str) else None


def prepare(key: Key, payload: bytes, terms: Terms) -> Prepared:
    """Raises CoseError."""
    if len(payload) > MOST_PAYLOAD:
        raise CoseError(
            f"a payload has at most {MOST_PAYLOAD >> 20} MiB, for it is signed as a whole; sign a"
            " manifest that has its digest"
        )
    headers: Headers = {ALGORITHM: algorithm_of(key)}
    if terms.content_type is not None:
        headers[CONTENT_TYPE] = terms.content_type
    protected = protected_of(headers)
    return Prepared(
        key,
        to_be_signed(protected, terms.external, payload),
        protected,
        {} if terms.key_id is None else {KEY_ID: terms.key_id},
        None if terms.detached else payload,
        terms.tagged,
    )


def read(data: bytes) -> Sign1:
    """A message with its tag or without. Raises CoseError."""
    if len(data) > MOST_BYTES:
        raise CoseError(f"a message has at most {MOST_BYTES >> 20} MiB")
    try:
        found = cbor.decoded(data)
    except CborError as error:
        raise CoseError(f"it is not a COSE message: {error}") from None
    return _read(_untagged(found))


def _untagged(found: Any) -> Any:
    if not isinstance(found, Tagged):
        return found
    if found.tag != TAG:
        raise CoseError(f"it has the tag {found.tag}; a COSE_Sign1 has {TAG}")
    return found.value


def _read(found: Any) -> Sign1:
    if not isinstance(found, list) or len(found) != 4:
        raise CoseError("it is not a COSE_Sign1, which is a list of four")
    protected, unprotected, payload, signature = found
    if not (isinstance(protected, bytes) and isinstance(unprotected, dict)):
        raise CoseError("it is not a COSE_Sign1: its headers are not where they belong")
    if not (isinstance(payload, bytes | None) and isinstance(signature, bytes)):
        raise CoseError("it is not a COSE_Sign1: payload and signature are not where they belong")
    return Sign1(protected, read_protected(protected), unprotected, payload, signature)

"""What a message needs of the certificate of its signer (RFC 5280 4.1)."""

import contextlib
import hashlib
import re
from binascii import Error, a2b_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyasn1_modules import rfc5280

from seemachine.cms.algorithms import Key, signature_identifier
from seemachine.cms.errors import CmsError
from seemachine.cms.reading import SignerInfo
from seemachine.cms.structures import decoded, encoded
from seemachine.encodings import keyforms, mldsa_forms
from seemachine.encodings.der import DerError
from seemachine.encodings.kinds import bytes_of
from seemachine.encodings.readings import armored
from seemachine.encodings.validity import Validity, validities
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MldsaError

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
SUBJECT_KEY = str(rfc5280.id_ce_subjectKeyIdentifier)
KEY_USAGE = str(rfc5280.id_ce_keyUsage)
# Bits of a key usage: digitalSignature and nonRepudiation.
FOR_MESSAGES = (0, 1)
IDENTIFIER_BYTES = 20


@dataclass(frozen=True, slots=True)
class Certificate:
    """One, byte for byte, and what is read from it."""

    data: bytes
    issuer: Any
    serial: int
    subject_key: bytes | None
    # None: not said.
    for_messages: bool | None
    key: Key | None
    validity: Validity


def certificates_in(data: bytes) -> list[bytes]:
    """Those of a file, DER or PEM, in their order. Raises CmsError where there is none."""
    try:
        blocks = [a2b_base64(block) for block in _PEM.findall(data)]
    except Error:
        raise CmsError("it has a damaged certificate") from None
    found = blocks or [data]
    for each in found:
        decoded(each, rfc5280.Certificate(), "a certificate")
    return found


def read(data: bytes) -> Certificate:
    """What a certificate says. Raises CmsError."""
    found = decoded(data, rfc5280.Certificate(), "a certificate")["tbsCertificate"]
    extensions = {str(each["extnID"]): bytes(each["extnValue"]) for each in found["extensions"]}
    try:
        key = keyforms.certificate(data).key or mldsa_forms.certified(data)
        [valid] = validities(armored(data, "CERTIFICATE").encode())
        # pyasn1 reads some that it can't tell or write again.
        usage = _is_for_messages(extensions.get(KEY_USAGE))
        encoded(found["issuer"])
    except (DerError, ParameterError, MldsaError, ValueError) as error:
        raise CmsError(f"it is a damaged certificate: {error}") from None
    return Certificate(
        data,
        found["issuer"],
        int(found["serialNumber"]),
        _subject_key(extensions.get(SUBJECT_KEY)),
        usage,
        key,
        valid,
    )


def is_named(certificate: Certificate, signer: SignerInfo) -> bool:
    """Whether it is the one that a message names as its signer's."""
    if isinstance(signer.name, bytes):
        return certificate.subject_key == signer.name
    return (encoded(certificate.issuer), certificate.serial) == signer.name


def readable(data: Iterable[bytes]) -> Iterator[Certificate]:
    """Those that can be read; others are nobody's."""
    for each in data:
        with contextlib.suppress(CmsError):
            yield read(each)


def key_identifier(key: Key) -> bytes:
    """That of a key without a certificate that has one: the first 160 bits of the SHA-256 of the
    bit string (RFC 7093 2, method 1).
    """
    return hashlib.sha256(bytes_of(key)).digest()[:IDENTIFIER_BYTES]


def refuse_unfit(certificate: Certificate, key: Key) -> None:
    """Raises CmsError for the certificate of another key, or one that is not for messages."""
    if certificate.key != key:
        what = (
            "another" if certificate.key else f"an algorithm other than {_name(key)}, and another"
        )
        raise CmsError(f"the certificate is of {what} key")
    if certificate.for_messages is False:
        raise CmsError(
            "the certificate is not for messages: its key usage has neither digitalSignature nor"
            " nonRepudiation; have one made for it, such as with --usage digitalSignature"
        )


def _name(key: Key) -> str:
    return f"that of {signature_identifier(key)}"


def _subject_key(data: bytes | None) -> bytes | None:
    if data is None:
        return None
    return bytes(decoded(data, rfc5280.SubjectKeyIdentifier(), "a subject key identifier"))


def _is_for_messages(data: bytes | None) -> bool | None:
    if data is None:
        return None
    bits = decoded(data, rfc5280.KeyUsage(), "a key usage")
    return any(bits[place] for place in FOR_MESSAGES if place < len(bits))

"""A message taken apart (RFC 5652 5.1, 5.3). Nothing is believed yet."""

from dataclasses import dataclass
from typing import Any

from pyasn1_modules import rfc5652

from seemachine.cms import attributes
from seemachine.cms.algorithms import hash_named
from seemachine.cms.attributes import Attributes, identifier_der
from seemachine.cms.errors import CmsError
from seemachine.cms.structures import SignedData, decoded, encoded
from seemachine.encodings.readings import readings

MOST_BYTES = 80 << 20
# Each is looked at more often than once.
LIMITS = (("certificates", "certificates", 100), ("signerInfos", "signers", 16))
SIGNED_DATA = str(rfc5652.id_signedData)


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One of its signers. `name` says which certificate is his: its issuer, in DER, and its serial
    number, or the identifier of its key.
    """

    name: tuple[bytes, int] | bytes
    version: int
    hash_identifier: str
    # The DER of the AlgorithmIdentifiers of hash and signature.
    algorithms: tuple[bytes, bytes]
    signature_identifier: str
    has_parameters: bool
    attributes: Attributes | None
    signature: bytes

    @property
    def named(self) -> str:
        """His name, in words."""
        if isinstance(self.name, bytes):
            return f"key {self.name.hex()}"
        return f"serial number {self.name[1]:x}"

    @property
    def hash_name(self) -> str:
        """Raises CmsError for a hash that is not taken."""
        return hash_named(self.hash_identifier)


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """`content` is None where it is detached; `certificates` are there byte for byte."""

    content_type: str
    hash_identifiers: frozenset[str]
    content: bytes | None
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


def read(data: bytes) -> SignedMessage:
    """A message in DER, BER or PEM. Raises CmsError."""
    if len(data) > MOST_BYTES:
        raise CmsError(f"a message has at most {MOST_BYTES >> 20} MiB")
    found = decoded(_bare(data), rfc5652.ContentInfo(), "a CMS message")
    if str(found["contentType"]) != SIGNED_DATA:
        raise CmsError("it is a CMS message, but not a signed one")
    return _read_signed(decoded(bytes(found["content"]), SignedData(), "a signed CMS message"))


def _bare(data: bytes) -> bytes:
    """Without PEM."""
    if data[:1] == b"\x30":
        return data
    return next((each.data for each in readings(data) if each.data[:1] == b"\x30"), data)


def _read_signed(found: Any) -> SignedMessage:
    for name, what, most in LIMITS:
        if len(found[name]) > most:
            raise CmsError(f"it has more than {most} {what}")
    inner = found["encapContentInfo"]
    content = inner["eContent"]
    return SignedMessage(
        str(inner["eContentType"]),
        frozenset(str(each["algorithm"]) for each in found["digestAlgorithms"]),
        bytes(content) if content.isValue else None,
        tuple(map(bytes, found["certificates"])),
        tuple(map(_read_signer, found["signerInfos"])),
    )


def _read_signer(found: Any) -> SignerInfo:
    signed, algorithm = found["signedAttrs"], found["signatureAlgorithm"]
    value = None
    if signed.isValue:
        value = rfc5652.SignedAttributes()
        value.extend(signed)
    return SignerInfo(
        _name(found["sid"]),
        int(found["version"]),
        str(found["digestAlgorithm"]["algorithm"]),
        (identifier_der(found["digestAlgorithm"]), identifier_der(algorithm)),
        str(algorithm["algorithm"]),
        bool(algorithm["parameters"].isValue),
        None if value is None else attributes.read(value),
        bytes(found["signature"]),
    )


def _name(found: Any) -> tuple[bytes, int] | bytes:
    if found.getName() == "subjectKeyIdentifier":
        return bytes(found["subjectKeyIdentifier"])
    named = found["issuerAndSerialNumber"]
    return encoded(named["issuer"]), int(named["serialNumber"])

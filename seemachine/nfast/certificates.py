"""Developer certificates: the CSR of a developer, the certificate that the issuer makes of it, and
what an HSM thinks of one.
"""

import datetime as dt
import functools

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)
from cryptography.x509.oid import ExtensionOID, NameOID

from seemachine.nfast import signing
from seemachine.nfast.refusals import Refusal

Time = dt.datetime
TITLES = {
    NameOID.COMMON_NAME: "Common Name",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "Organizational Unit",
    NameOID.ORGANIZATION_NAME: "Organization",
    NameOID.COUNTRY_NAME: "Country",
}


def now() -> Time:
    """The clock of an HSM."""
    return Time.now(dt.UTC)


def subject(common_name: str, organization: str) -> x509.Name:
    """Of a developer. Raises Refusal for names that X.509 does not take."""
    if not common_name or not organization:
        raise Refusal("a developer has a common name and an organization")
    return name_of({NameOID.COMMON_NAME: common_name, NameOID.ORGANIZATION_NAME: organization})


def request(key: signing.Private, name: x509.Name) -> bytes:
    """A CSR in PEM."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(key, SHA512())
        .public_bytes(Encoding.PEM)
    )


def from_pem(pem: bytes) -> x509.Certificate:
    """A certificate. Raises Refusal."""
    try:
        found = _loaded(pem)
        # Nobody signs how many bits of the signature are unused, and a certificate has one form:
        # none.
        if not found.public_bytes(Encoding.DER).endswith(b"\0" + found.signature):
            raise ValueError("its signature has unused bits")
        return found
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise Refusal("this is not an X.509 certificate in PEM") from None


def to_pem(certificate: x509.Certificate) -> str:
    """The certificate alone, without what may stand around it in a file."""
    return certificate.public_bytes(Encoding.PEM).decode()


def refuse_untrusted(certificate: x509.Certificate, trusted: x509.Certificate) -> None:
    """Raises Refusal unless this is a developer's, on P-521, and the production certificate signed
    it and is itself in its time.

    The path has one step: what a developer signs with such a certificate is images, never
    certificates.
    """
    try:
        certificate.verify_directly_issued_by(trusted)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise Refusal(
            f"the certificate of {_of_whom(certificate)} was not issued by {text(trusted.subject)}"
        ) from None
    if not trusted.not_valid_before_utc <= now() <= trusted.not_valid_after_utc:
        raise Refusal(f"the certificate of the issuer, {text(trusted.subject)}, is out of its time")
    if not _may_sign_images(certificate):
        raise Refusal(
            f"the certificate of {text(certificate.subject)} is not one for signing images"
        )
    if signing.curve_of(public_key(certificate)) != signing.ASK_CURVE:
        raise Refusal(
            f"the developer key is on {signing.curve_of(public_key(certificate))}; it must be on"
            f" {signing.ASK_CURVE}"
        )


def refuse_out_of_time(certificate: x509.Certificate, use: str) -> None:
    """Raises Refusal when it is not valid now. `use` says what to do with a new one."""
    if now() < certificate.not_valid_before_utc:
        raise Refusal(
            f"the developer certificate is not valid before {certificate.not_valid_before_utc}"
        )
    if now() > certificate.not_valid_after_utc:
        raise Refusal(
            f"the developer certificate expired at {certificate.not_valid_after_utc}; get a new one"
            f" for the same key and {use}"
        )


def described(certificate: x509.Certificate) -> dict[str, str]:
    """One entry of `csadmin ids list --json` (guide 2.5.2.3 step 13)."""
    return {
        "subject": text(certificate.subject),
        "keyid": key_id(certificate),
        "serialNumber": str(certificate.serial_number),
        "authKeyid": _authority(certificate),
        "notBefore": str(certificate.not_valid_before_utc),
        "notAfter": str(certificate.not_valid_after_utc),
    }


def public_key(certificate: x509.Certificate) -> signing.Public:
    """Of a certificate. Raises Refusal when it is not of an elliptic curve."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal("the certificate's key is damaged, or of an unknown kind") from None
    if not isinstance(key, signing.Public):
        raise Refusal("the certificate's key is not of an elliptic curve")
    return key


def key_id(certificate: x509.Certificate) -> str:
    """40 hex digits that name a certificate's key, as RFC 5280 4.2.1.2 makes them."""
    return x509.SubjectKeyIdentifier.from_public_key(public_key(certificate)).digest.hex()


def text(name: x509.Name) -> str:
    """A subject in the order it was written."""
    return ", ".join(
        f"{TITLES.get(part.oid, part.oid.dotted_string)}: {part.value!s}" for part in name
    )


def _of_whom(certificate: x509.Certificate) -> str:
    """The subject of a certificate that nobody vouches for: it may be anything."""
    try:
        return text(certificate.subject)
    except ValueError:
        return "somebody who can't be read"


def _authority(certificate: x509.Certificate) -> str:
    extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return (extension.key_identifier or b"").hex()


@functools.cache
def _loaded(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _may_sign_images(certificate: x509.Certificate) -> bool:
    """By its basic constraints and key usage. Certificates of earlier versions have neither."""
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    constraints, usage = (
        extensions.get(ExtensionOID.BASIC_CONSTRAINTS),
        extensions.get(ExtensionOID.KEY_USAGE),
    )
    authority = isinstance(constraints, x509.BasicConstraints) and constraints.ca
    return not authority and (not isinstance(usage, x509.KeyUsage) or usage.digital_signature)


def name_of(parts: dict[x509.ObjectIdentifier, str]) -> x509.Name:
    """A subject of its parts, without those that are empty. Raises Refusal."""
    try:
        name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items() if value])
        name.public_bytes()
        return name
    except ValueError as error:
        raise Refusal(f"the subject can't be written: {error}") from None

"""The certificate of whoever issues, and what it allows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from seemachine.x509 import asn1
from seemachine.x509.documents import der, signature_of, titled, value_of
from seemachine.x509.errors import X509Error
from seemachine.x509.keys import SubjectKey
from seemachine.x509.profile import USAGES
from seemachine.x509.requests import extension_name

# Of those that may be critical.
KNOWN = (x509.BasicConstraints.oid, x509.KeyUsage.oid)
Signed = x509.Certificate | x509.CertificateRevocationList


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate of a CA whose key is one of ours."""

    certificate: x509.Certificate
    key: SubjectKey
    name: Any

    @classmethod
    def of(cls, certificate: x509.Certificate, key: SubjectKey) -> "Issuer":
        """The certificate of this key. Raises X509Error when it is of another, or damaged."""
        found = key_of(certificate)
        if found != key:
            raise X509Error(
                f"{titled(certificate)} is of another key, {found.title}; give --issuer"
                " the certificate of the key that signs"
            )
        if certificate.issuer == certificate.subject and not is_signed(certificate, key):
            raise X509Error(
                f"the signature in {titled(certificate)} is wrong; get an undamaged copy"
            )
        name = asn1.certificate(der(certificate))["tbsCertificate"]["subject"]
        return cls(certificate, key, name)

    @property
    def length(self) -> int | None:
        """How many CAs may be below it; None: any number."""
        found = value_of(self.certificate, x509.BasicConstraints)
        return found.path_length if found else None

    def refuse_unless(self, usage: str, now: datetime) -> None:
        """Raises X509Error unless it is a CA whose key may be used so (`keyCertSign`, `cRLSign`)
        now.
        """
        if why := unfit(self.certificate, usage, now):
            raise X509Error(f"{why}; name another --issuer, or make one with: seemachine cert root")

    @property
    def unjudged(self) -> list[str]:
        """Critical extensions whose rules nobody here applies, such as nameConstraints."""
        found = self.certificate.extensions
        return [
            extension_name(each.oid) for each in found if each.critical and each.oid not in KNOWN
        ]

    @property
    def authority(self) -> x509.AuthorityKeyIdentifier:
        """By which what it issues names its key."""
        found = value_of(self.certificate, x509.SubjectKeyIdentifier)
        identifier = self.key.identifier if found is None else found.digest
        return x509.AuthorityKeyIdentifier(identifier, None, None)


def unfit(certificate: x509.Certificate, usage: str, moment: datetime) -> str:
    """Why it is not one of a CA whose key may be used so at a moment; empty where it is."""
    constraints = value_of(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return f"{titled(certificate)} is not of a CA"
    usages = value_of(certificate, x509.KeyUsage)
    if usages is not None and not getattr(usages, USAGES[usage]):
        return f"{titled(certificate)} has no key usage {usage}"
    return untimely(certificate, moment)


def untimely(certificate: x509.Certificate, moment: datetime) -> str:
    """Why it is not valid at a moment; empty where it is."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begin <= moment <= end:
        return ""
    dates = f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    return f"{titled(certificate)} is valid from {dates}, and not now"


def key_of(certificate: x509.Certificate) -> SubjectKey:
    """Its public key. Raises X509Error."""
    info = asn1.certificate(der(certificate))["tbsCertificate"]["subjectPublicKeyInfo"]
    return SubjectKey.read(asn1.encoded(info))


def is_signed(made: Signed, key: SubjectKey) -> bool:
    """Whether it is signed with a key of ours, and names the algorithm so, without parameters,
    inside and outside of what is signed (RFC 5280 4.1.1.2). Raises X509Error for damaged ones.
    """
    if isinstance(made, x509.Certificate):
        parts, content = asn1.certificate(der(made)), made.tbs_certificate_bytes
        named = parts["tbsCertificate"]["signature"]
    else:
        parts, content = asn1.revocation_list(der(made)), made.tbs_certlist_bytes
        named = parts["tbsCertList"]["signature"]
    algorithms = {asn1.encoded(each) for each in (named, parts["signatureAlgorithm"])}
    same = algorithms == {asn1.encoded(key.algorithm)}
    return same and key.has_signed(content, signature_of(made))

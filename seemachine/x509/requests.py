"""Certificate signing requests (RFC 2986): ours to be made, and those of others to be answered."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pyasn1_modules import rfc2986, rfc5280

from seemachine.x509 import asn1
from seemachine.x509.documents import der, signature_of, value_of
from seemachine.x509.errors import X509Error
from seemachine.x509.keys import SubjectKey
from seemachine.x509.profile import USAGES, Extensions, Profile, without_doubles
from seemachine.x509.signing import REQUEST, Draft


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, and for which key; whoever made `document` has that key."""

    subject: x509.Name
    key: SubjectKey
    document: x509.CertificateSigningRequest

    def taken_over(self, profile: Profile) -> Profile:
        """The profile with the names, usages and purposes that are asked for, where it has none.

        Whether it is a CA is not for the request to say.
        """
        names = value_of(self.document, x509.SubjectAlternativeName) or ()
        usage = value_of(self.document, x509.KeyUsage)
        purposes = value_of(self.document, x509.ExtendedKeyUsage) or ()
        return replace(
            profile,
            names=profile.names or tuple(names),
            usages=profile.usages or (usage_names(usage) if usage else ()),
            purposes=profile.purposes or tuple(purposes),
        )

    @property
    def asked(self) -> list[str]:
        """The extensions that it asks for, by name."""
        return [extension_name(each.oid) for each in self.document.extensions]


def draft(key: SubjectKey, subject: x509.Name, asked: Extensions) -> Draft:
    """A request of a key of ours that asks for extensions. Raises X509Error."""
    if key.own is None:
        raise X509Error(f"a key {key.title} is not in an HSM")
    content = rfc2986.CertificationRequestInfo()
    content["version"] = 0
    content["subject"] = asn1.name(subject)
    info = asn1.decoded(key.info, rfc5280.SubjectPublicKeyInfo(), "the public key")
    content["subjectPKInfo"] = info
    content["attributes"].clear()
    if asked:
        content["attributes"].append(asn1.extension_request(without_doubles(asked)))
    return Draft(asn1.encoded(content), key, REQUEST)


def read(document: x509.CertificateSigningRequest, subject: x509.Name | None = None) -> Request:
    """What is asked for, under another name if one is given. Raises X509Error, also when whoever
    made it has not shown that he has the key.
    """
    key = key_of(document)
    if not is_signed(document, key):
        raise X509Error(
            "the signature of the request is wrong: it was damaged, or made without its key"
        )
    named = document.subject if subject is None else subject
    if not list(named):
        raise X509Error("the request has no subject; name one with --subject")
    return Request(named, key, document)


def key_of(document: x509.CertificateSigningRequest) -> SubjectKey:
    """Its public key. Raises X509Error."""
    parts = asn1.request(der(document))
    return SubjectKey.read(asn1.encoded(parts["certificationRequestInfo"]["subjectPKInfo"]))


def is_signed(document: x509.CertificateSigningRequest, key: SubjectKey) -> bool:
    """Whether its signature is right. Raises X509Error where nothing here can tell."""
    if key.own is not None:
        named = asn1.encoded(asn1.request(der(document))["signatureAlgorithm"])
        same = named == asn1.encoded(key.algorithm)
        return same and key.has_signed(document.tbs_certrequest_bytes, signature_of(document))
    try:
        return document.is_signature_valid
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise X509Error(f"the signature of the request can't be checked here: {error}") from None


def usage_names(usage: x509.KeyUsage) -> tuple[str, ...]:
    """Those of RFC 5280."""
    return tuple(name for name, field in USAGES.items() if _has(usage, field))


def _has(usage: x509.KeyUsage, field: str) -> bool:
    # These two are not to be asked for without the third.
    if field in ("encipher_only", "decipher_only") and not usage.key_agreement:
        return False
    return bool(getattr(usage, field))


def extension_name(identifier: x509.ObjectIdentifier) -> str:
    """Such as `subjectAltName`, or numbers."""
    name: str = getattr(identifier, "_name", "")
    return name if name and name != "Unknown OID" else identifier.dotted_string


def names_of(values: Iterable[x509.GeneralName]) -> list[str]:
    """Alternative names as text."""
    return list(map(_name_of, values))


def _name_of(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return name.value.rfc4514_string()
    if isinstance(name, x509.RegisteredID):
        return name.value.dotted_string
    if isinstance(name, x509.OtherName):
        return f"{name.type_id.dotted_string}={name.value.hex()}"
    return str(name.value)

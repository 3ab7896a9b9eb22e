"""Certificates (RFC 5280 4): roots, and those that a CA issues for requests."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography import x509
from pyasn1_modules import rfc5280

from seemachine.x509 import asn1
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer
from seemachine.x509.keys import SubjectKey
from seemachine.x509.profile import Extensions, Profile, Validity, without_doubles
from seemachine.x509.requests import Request
from seemachine.x509.serials import serial_number
from seemachine.x509.signing import CERTIFICATE, Draft


def root(key: SubjectKey, subject: x509.Name, validity: Validity, profile: Profile) -> Draft:
    """A self-signed certificate; a CA, or with another profile an end. Raises X509Error."""
    if key.own is None:
        raise X509Error(f"a key {key.title} is not in an HSM")
    authority = x509.AuthorityKeyIdentifier(key.identifier, None, None)
    name = asn1.name(subject)
    extensions = _with_authority(profile.extensions(key), authority)
    return Draft(_content(key, name, name, key, validity, extensions), key, CERTIFICATE)


def issued(
    issuer: Issuer, request: Request, validity: Validity, profile: Profile, now: datetime
) -> Draft:
    """What a CA gives who asks for it. It is valid within its issuer's time. Raises X509Error."""
    issuer.refuse_unless("keyCertSign", now)
    if request.subject == issuer.certificate.subject and not profile.authority:
        raise X509Error(
            "the subject is that of the issuer, so it would pass for a root; name"
            " another with --subject"
        )
    profile, within = _below(issuer, profile), _within(issuer, validity)
    extensions = _with_authority(profile.extensions(request.key), issuer.authority)
    name = asn1.name(request.subject)
    content = _content(issuer.key, issuer.name, name, request.key, within, extensions)
    return Draft(content, issuer.key, CERTIFICATE)


def _within(issuer: Issuer, validity: Validity) -> Validity:
    outer = issuer.certificate
    begin = max(validity.begin, outer.not_valid_before_utc)
    return Validity(begin, min(validity.end, outer.not_valid_after_utc))


def _below(issuer: Issuer, profile: Profile) -> Profile:
    """The profile of a CA with the path length that its issuer leaves it."""
    if issuer.length is None or not profile.authority:
        return profile
    left = issuer.length - 1
    if left < 0:
        raise X509Error("the path length of the issuer is 0: it issues for ends alone, not for CAs")
    if profile.path_length is not None and profile.path_length > left:
        raise X509Error(f"the path length can be {left} at most, by that of the issuer")
    return replace(
        profile, path_length=left if profile.path_length is None else profile.path_length
    )


def _with_authority(wanted: Extensions, authority: x509.AuthorityKeyIdentifier) -> Extensions:
    return without_doubles([*wanted, asn1.extension(authority, critical=False)])


def _content(
    signer: SubjectKey,
    issuer: Any,
    subject: Any,
    key: SubjectKey,
    validity: Validity,
    extensions: Extensions,
) -> bytes:
    content = rfc5280.TBSCertificate()
    content["version"] = "v3"
    content["serialNumber"] = serial_number()
    content["signature"] = signer.algorithm
    content["issuer"] = issuer
    content["validity"]["notBefore"] = asn1.time(validity.begin)
    content["validity"]["notAfter"] = asn1.time(validity.end)
    content["subject"] = subject
    info = asn1.decoded(key.info, rfc5280.SubjectPublicKeyInfo(), "the public key")
    content["subjectPublicKeyInfo"] = info
    asn1.extensions(content["extensions"], extensions)
    return asn1.encoded(content)

"""What a certificate, request or list says, as fields; and whether its signature is right."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from seemachine.lms.hss import HssPublicKey
from seemachine.x509 import issuers, requests
from seemachine.x509.documents import Document, value_of
from seemachine.x509.errors import X509Error
from seemachine.x509.profile import PURPOSES
from seemachine.x509.requests import extension_name, names_of, usage_names

GOOD, WRONG, UNCHECKED = "good", "wrong", "unchecked"
_PURPOSES = {identifier: name for name, identifier in PURPOSES.items()}


def fields(document: Document) -> dict[str, Any]:
    """By name, of what can be in a JSON document. Raises X509Error for a damaged public key."""
    if isinstance(document, x509.CertificateRevocationList):
        return _list(document)
    found: dict[str, Any] = {"kind": "request", "subject": document.subject.rfc4514_string()}
    if isinstance(document, x509.Certificate):
        found |= _certificate(document)
        found["key"] = issuers.key_of(document).title
    else:
        found["key"] = requests.key_of(document).title
    return found | _extensions(document)


def key_of(document: Document) -> HssPublicKey | bytes | None:
    """The key in it where that is LMS, HSS or ML-DSA. Raises X509Error for a damaged one."""
    if isinstance(document, x509.Certificate):
        return issuers.key_of(document).own
    if isinstance(document, x509.CertificateSigningRequest):
        return requests.key_of(document).own
    return None


def _certificate(document: x509.Certificate) -> dict[str, Any]:
    return {
        "kind": "certificate",
        "issuer": document.issuer.rfc4514_string(),
        "serial": f"{document.serial_number:x}",
        "valid_from": document.not_valid_before_utc.isoformat(),
        "valid_until": document.not_valid_after_utc.isoformat(),
    }


def _list(document: x509.CertificateRevocationList) -> dict[str, Any]:
    number, following = value_of(document, x509.CRLNumber), document.next_update_utc
    return {
        "kind": "crl",
        "issuer": document.issuer.rfc4514_string(),
        "number": number.crl_number if number else None,
        "valid_from": document.last_update_utc.isoformat(),
        "valid_until": following.isoformat() if following else None,
        "revoked": [_revoked(each) for each in document],
    }


def _revoked(entry: x509.RevokedCertificate) -> dict[str, Any]:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        reason = None
    since = entry.revocation_date_utc.isoformat()
    return {"serial": f"{entry.serial_number:x}", "since": since, "reason": reason}


def _extensions(document: Document) -> dict[str, Any]:
    constraints = value_of(document, x509.BasicConstraints)
    usages = value_of(document, x509.KeyUsage)
    purposes = value_of(document, x509.ExtendedKeyUsage) or ()
    return {
        "ca": bool(constraints and constraints.ca),
        "path_length": constraints.path_length if constraints else None,
        "usages": list(usage_names(usages)) if usages else [],
        "purposes": list(map(purpose_name, purposes)),
        "names": names_of(value_of(document, x509.SubjectAlternativeName) or ()),
        "extensions": [extension_name(each.oid) for each in document.extensions],
    }


def purpose_name(purpose: x509.ObjectIdentifier) -> str:
    """Such as `codeSigning`, or numbers."""
    return _PURPOSES.get(purpose, purpose.dotted_string)


def signature(document: Document, issuer: x509.Certificate | None) -> str:
    """Whether it is right: of a request by its own key, of others by that of the issuer, which of
    a root is its own. Unchecked where it is not known whose it is, or nothing here can tell.
    """
    if isinstance(document, x509.CertificateSigningRequest):
        return _of_request(document)
    if isinstance(document, x509.Certificate) and document.issuer == document.subject:
        issuer = issuer or document
    if issuer is None:
        return UNCHECKED
    if document.issuer != issuer.subject:
        return WRONG
    key = issuers.key_of(issuer)
    if key.own is not None:
        return GOOD if issuers.is_signed(document, key) else WRONG
    return _by_others(document, issuer)


def _of_request(document: x509.CertificateSigningRequest) -> str:
    try:
        return GOOD if requests.is_signed(document, requests.key_of(document)) else WRONG
    except X509Error:
        return UNCHECKED


def _by_others(
    document: x509.Certificate | x509.CertificateRevocationList, issuer: x509.Certificate
) -> str:
    try:
        if isinstance(document, x509.Certificate):
            document.verify_directly_issued_by(issuer)
            return GOOD
        # It takes only keys that sign, and says of all others that they are of the wrong type.
        key: Any = issuer.public_key()
        return GOOD if document.is_signature_valid(key) else WRONG
    except InvalidSignature:
        return WRONG
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return UNCHECKED


def lines(found: Mapping[str, Any]) -> list[str]:
    """The fields for people; what is empty is left out."""
    shown = {name: value for name, value in found.items() if value not in (None, [], "")}
    revoked = shown.pop("revoked", [])
    told = [f"  {name.replace('_', ' '):<12} {_text(value)}" for name, value in shown.items()]
    return told + [f"  {'revoked':<12} {' '.join(filter(None, each.values()))}" for each in revoked]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)

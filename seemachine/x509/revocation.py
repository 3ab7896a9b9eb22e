"""Lists of revoked certificates (RFC 5280 5), which are numbered and take over the list before."""

import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from pyasn1_modules import rfc5280

from seemachine.x509 import asn1
from seemachine.x509.documents import value_of
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import Issuer, is_signed
from seemachine.x509.profile import Validity
from seemachine.x509.requests import extension_name
from seemachine.x509.signing import REVOCATION_LIST, Draft

# removeFromCRL is for delta lists alone.
REASONS = {
    each.value: each
    for each in x509.ReasonFlags
    if each not in (x509.ReasonFlags.remove_from_crl, x509.ReasonFlags.unspecified)
}
# Of a list.
WRITTEN = (x509.AuthorityKeyIdentifier.oid, x509.CRLNumber.oid)
# Of a number and of a serial (RFC 5280 4.1.2.2, 5.2.3).
MOST = 1 << 159
MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is no longer good, from when on, and why; None: it is not said."""

    serial: int
    since: datetime
    reason: x509.ReasonFlags | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The list before: its number, and what it has."""

    number: int
    revoked: tuple[Revoked, ...]


NOTHING = Earlier(0, ())


def earlier(document: x509.CertificateRevocationList, issuer: Issuer) -> Earlier:
    """A list that the issuer signed. Raises X509Error for any other."""
    if document.issuer != issuer.certificate.subject or not is_signed(document, issuer.key):
        raise X509Error("the list before is damaged, or was not signed by this issuer")
    _refuse_losses(document)
    number = value_of(document, x509.CRLNumber)
    return Earlier(number.crl_number if number else 0, tuple(map(_read, document)))


def _refuse_losses(document: x509.CertificateRevocationList) -> None:
    """What the list after would not have: other tools write more than is written here."""
    found = [each.oid for each in document.extensions if each.oid not in WRITTEN]
    for entry in document:
        found += [each.oid for each in entry.extensions if each.oid != x509.CRLReason.oid]
    if found:
        raise X509Error(
            f"the list before has {extension_name(found[0])}, which would be lost; make the list"
            " after with the tool that made it"
        )


def revoked(certificate: x509.Certificate, issuer: Issuer) -> int:
    """The serial number of a certificate of the issuer. Raises X509Error for one of another."""
    same = certificate.issuer == issuer.certificate.subject
    if not same or not is_signed(certificate, issuer.key):
        name = certificate.subject.rfc4514_string()
        raise X509Error(f"the certificate of {name} was not issued by this issuer")
    return certificate.serial_number


def serial(text: str) -> int | None:
    """A serial number in hexadecimal, with colons or without; None for anything else. Raises
    X509Error for a number that no certificate has.
    """
    digits = text.replace(":", "")
    if not digits or len(digits) > MOST_DIGITS or set(digits) - set(string.hexdigits):
        return None
    if not 0 < (number := int(digits, 16)) < MOST:
        raise X509Error(f"{text} is not a serial number: it has from 1 to 159 bits")
    return number


def draft(
    issuer: Issuer, before: Earlier, more: Iterable[Revoked], validity: Validity, now: datetime
) -> Draft:
    """The list after: one number higher, with more. Raises X509Error."""
    issuer.refuse_unless("cRLSign", now)
    content = rfc5280.TBSCertList()
    content["version"] = "v2"
    content["signature"] = issuer.key.algorithm
    content["issuer"] = issuer.name
    content["thisUpdate"] = asn1.time(validity.begin)
    content["nextUpdate"] = asn1.time(validity.end)
    for place, each in enumerate(_together(before.revoked, more)):
        content["revokedCertificates"][place] = _entry(each)
    if before.number + 1 >= MOST:
        raise X509Error("the list before has the highest number that there is")
    wanted = [issuer.authority, x509.CRLNumber(before.number + 1)]
    listed = [asn1.extension(each, critical=False) for each in wanted]
    asn1.extensions(content["crlExtensions"], listed)
    return Draft(asn1.encoded(content), issuer.key, REVOCATION_LIST)


def _together(before: Iterable[Revoked], more: Iterable[Revoked]) -> list[Revoked]:
    found = {each.serial: each for each in before}
    for each in more:
        known = found.get(each.serial)
        if known and known.reason is not x509.ReasonFlags.certificate_hold:
            raise X509Error(f"{each.serial:x} was revoked on {known.since:%Y-%m-%d} already")
        found[each.serial] = each
    return list(found.values())


def _read(entry: x509.RevokedCertificate) -> Revoked:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        reason = None
    return Revoked(entry.serial_number, entry.revocation_date_utc.astimezone(UTC), reason)


def _entry(each: Revoked) -> Any:
    entry = rfc5280.TBSCertList()["revokedCertificates"].componentType.clone()
    entry["userCertificate"] = each.serial
    entry["revocationDate"] = asn1.time(each.since)
    if each.reason is not None:
        reason = [asn1.extension(x509.CRLReason(each.reason), critical=False)]
        asn1.extensions(entry["crlEntryExtensions"], reason)
    return entry

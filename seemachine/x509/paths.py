"""Paths of certificates from one that is given to a root that is trusted (RFC 5280 6.1).

`cryptography` builds paths too, but refuses keys of LMS. Constraints of names and policies, and
critical extensions that are not known, are refused wherever they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seemachine.x509 import telling
from seemachine.x509.documents import titled, value_of
from seemachine.x509.errors import X509Error
from seemachine.x509.issuers import KNOWN, unfit, untimely
from seemachine.x509.requests import extension_name
from seemachine.x509.revocation import WRITTEN

CertificationPath = tuple[x509.Certificate, ...]
MOST_LENGTH = 8
# Of issuers that are looked at: hostile certificates make more paths than that.
MOST_TRIES = 64
# Critical ones that say nothing against a path to an end.
OF_ENDS = (*KNOWN, x509.ExtendedKeyUsage.oid, x509.SubjectAlternativeName.oid)
# What may forbid a path even where it is not critical.
CONSTRAINTS = (x509.NameConstraints.oid, x509.PolicyConstraints.oid, x509.InhibitAnyPolicy.oid)
# By these a list has not all that its issuer revoked, critical or not.
OF_PARTS = (x509.IssuingDistributionPoint.oid, x509.DeltaCRLIndicator.oid)
ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE


@dataclass
class Trust:
    """Whom somebody trusts at a moment: `roots`, self-signed or not; `others` may be on the way.
    Where there are `lists` of revoked certificates, each issuer must have a current one.
    """

    roots: Sequence[x509.Certificate]
    moment: datetime
    others: Sequence[x509.Certificate] = ()
    lists: Sequence[x509.CertificateRevocationList] = ()
    _tries: int = field(default=0, init=False)

    def path(self, end: x509.Certificate) -> CertificationPath:
        """From the end to a root, both included. Raises X509Error: why the first that was tried is
        none.
        """
        self._tries, refused = 0, list[str]()
        found = self._to_root((end,), refused)
        if found is None:
            raise X509Error(refused[0])
        return found

    def _to_root(self, begun: CertificationPath, refused: list[str]) -> CertificationPath | None:
        last = begun[-1]
        try:
            self._check(begun)
        except X509Error as error:
            refused.append(str(error))
            return None
        if last in self.roots:
            return begun
        issuers = list(self._issuers(begun))
        if not issuers:
            refused.append(f"no root that is trusted leads to {titled(last)}")
        longer = (self._to_root((*begun, each), refused) for each in issuers)
        return next(filter(None, longer), None)

    def _issuers(self, begun: CertificationPath) -> Iterator[x509.Certificate]:
        """Those that may have issued the last, by their names."""
        for each in (*self.roots, *self.others):
            if self._tries > MOST_TRIES:
                return
            if each.subject == begun[-1].issuer and each not in begun:
                yield each

    def _check(self, begun: CertificationPath) -> None:
        """The last as far as it is the end, or the issuer of the one before. Raises X509Error."""
        last = begun[-1]
        self._count(begun)
        _refuse_unjudged(last, KNOWN if len(begun) > 1 else OF_ENDS)
        if len(begun) == 1:
            why = untimely(last, self.moment)
        else:
            why = unfit(last, "keyCertSign", self.moment) or _too_long(begun)
        if why:
            raise X509Error(why)
        if len(begun) > 1:
            self._refuse_not_issued(begun[-2], last)

    def _count(self, begun: CertificationPath) -> None:
        """Raises X509Error."""
        self._tries += len(begun) > 1
        if self._tries > MOST_TRIES:
            raise X509Error(f"more than {MOST_TRIES} certificates of issuers would be looked at")

    def _refuse_not_issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        verdict = telling.signature(certificate, issuer)
        if verdict != telling.GOOD:
            what = "is wrong" if verdict == telling.WRONG else "can't be checked here"
            raise X509Error(f"the signature in {titled(certificate)} {what}")
        if self.lists:
            self._refuse_revoked(certificate, issuer)

    def _refuse_revoked(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        if why := unfit(issuer, "cRLSign", self.moment):
            raise X509Error(why)
        current = [each for each in self.lists if self._is_current(each, issuer)]
        if not current:
            raise X509Error(f"there is no current list of {titled(issuer)}")
        for each in current:
            if entry := each.get_revoked_certificate_by_serial_number(certificate.serial_number):
                since = f"{entry.revocation_date_utc:%Y-%m-%d}"
                raise X509Error(f"{titled(certificate)} was revoked on {since}")

    def _is_current(self, listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
        if any(map(_says_less, listed.extensions)):
            return False
        end = listed.next_update_utc
        timely = listed.last_update_utc <= self.moment and (end is None or self.moment <= end)
        return timely and telling.signature(listed, issuer) == telling.GOOD


def _says_less(extension: x509.Extension[x509.ExtensionType]) -> bool:
    """Whether by it a list may not be all that its issuer revoked."""
    return extension.oid in OF_PARTS or (extension.critical and extension.oid not in WRITTEN)


def _too_long(begun: CertificationPath) -> str:
    """Of a path to the last, which is a CA's."""
    between = sum(each.subject != each.issuer for each in begun[1:-1])
    constraints = value_of(begun[-1], x509.BasicConstraints)
    most = constraints.path_length if constraints else None
    if len(begun) > MOST_LENGTH:
        return f"more than {MOST_LENGTH} certificates to a root"
    if most is not None and between > most:
        return f"{titled(begun[-1])} may have {most} CAs below it, and has {between}"
    return ""


def _refuse_unjudged(certificate: x509.Certificate, known: Sequence[x509.ObjectIdentifier]) -> None:
    for each in certificate.extensions:
        if each.oid in CONSTRAINTS or (each.critical and each.oid not in known):
            name = extension_name(each.oid)
            raise X509Error(f"{titled(certificate)} has {name}, which is not judged here")


def refuse_other_purposes(path: CertificationPath, wanted: Sequence[x509.ObjectIdentifier]) -> None:
    """Raises X509Error. An end that says nothing of purposes is for none: whoever asks wants to be
    sure. What one above it says of them holds for all below.
    """
    said = [list(value_of(each, x509.ExtendedKeyUsage) or ()) for each in path]
    for each in wanted:
        name = telling.purpose_name(each)
        if each not in said[0]:
            raise X509Error(f"{titled(path[0])} is not for {name}")
        for issuer, its in zip(path[1:], said[1:], strict=True):
            if its and not {each, ANY_PURPOSE} & set(its):
                raise X509Error(f"{titled(issuer)} issues none for {name}, by its own purposes")

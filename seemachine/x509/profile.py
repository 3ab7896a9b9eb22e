"""What a certificate says of its subject: how long, and for what."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seemachine.x509.asn1 import extension
from seemachine.x509.errors import X509Error
from seemachine.x509.keys import SubjectKey
from seemachine.x509.names import alternatives

# Names of RFC 5280 4.2.1.3, and of `cryptography`.
USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}
OF_SIGNERS = ("digitalSignature", "nonRepudiation")
OF_AUTHORITIES = ("keyCertSign", "cRLSign")
PURPOSES = {
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timeStamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING,
}
# Clocks differ a little.
SLACK = timedelta(minutes=5)
Extensions = list[x509.Extension[x509.ExtensionType]]


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when, both included, UTC."""

    begin: datetime
    end: datetime

    @classmethod
    def days(cls, count: int, now: datetime) -> "Validity":
        """From a little before now. Raises X509Error beyond the year 9999."""
        now = now.astimezone(UTC).replace(microsecond=0)
        try:
            return cls(now - SLACK, now + timedelta(days=count))
        except OverflowError:
            raise X509Error(f"{count} days end after the year 9999; take fewer") from None


@dataclass(frozen=True, slots=True)
class Profile:
    """`usages` are names of USAGES; none: what the kind of certificate needs. `more` are
    extensions of any kind, which are written as they are.
    """

    authority: bool = False
    path_length: int | None = None
    usages: tuple[str, ...] = ()
    purposes: tuple[x509.ObjectIdentifier, ...] = ()
    names: tuple[x509.GeneralName, ...] = ()
    lists: tuple[x509.GeneralName, ...] = ()
    more: tuple[x509.Extension[x509.ExtensionType], ...] = ()

    def extensions(self, key: SubjectKey) -> Extensions:
        """What it comes to for a key. Raises X509Error for what can't be in its certificate."""
        found = [
            extension(x509.SubjectKeyIdentifier(key.identifier), critical=False),
            extension(x509.BasicConstraints(self.authority, self._length()), critical=True),
            extension(self._key_usage(key), critical=True),
            *self._wished(),
        ]
        if self.lists:
            found.append(extension(_distribution(self.lists), critical=False))
        return without_doubles([*found, *self.more])

    def asked(self, key: SubjectKey) -> Extensions:
        """What a request asks for with it: usages, purposes and names, where there are any. Raises
        X509Error for usages that no certificate of the key can have.
        """
        usages = [extension(self._key_usage(key), critical=True)] if self.usages else []
        return [*usages, *self._wished()]

    def _wished(self) -> Extensions:
        found = []
        if self.purposes:
            purposes = x509.ExtendedKeyUsage(dict.fromkeys(self.purposes))
            found.append(extension(purposes, critical=False))
        if self.names:
            found.append(alternatives(self.names))
        return found

    def _length(self) -> int | None:
        if self.path_length is not None and not self.authority:
            raise X509Error("a path length is for certificates of CAs alone")
        return self.path_length

    def _key_usage(self, key: SubjectKey) -> x509.KeyUsage:
        usages = self.usages or (OF_AUTHORITIES if self.authority else OF_SIGNERS[:1])
        allowed = self._allowed(key)
        if wrong := [each for each in usages if each not in allowed]:
            of = "a CA" if self.authority else "one that is not a CA"
            known = ", ".join(allowed)
            raise X509Error(
                f"key usage {wrong[0]} can't be in a certificate of {of} with a key"
                f" {key.title}; it takes {known}"
            )
        try:
            return x509.KeyUsage(**{field: name in usages for name, field in USAGES.items()})
        except ValueError as error:
            raise X509Error(f"these key usages do not go together: {error}") from None

    def _allowed(self, key: SubjectKey) -> list[str]:
        """RFC 9802 6 of HSS, RFC 9881 5 of ML-DSA; keyCertSign is for CAs (RFC 5280 4.2.1.9)."""
        known = (*OF_SIGNERS, *OF_AUTHORITIES) if key.signs_only else tuple(USAGES)
        return [each for each in known if self.authority or each != "keyCertSign"]


def without_doubles(wanted: Extensions) -> Extensions:
    """The same. Raises X509Error where an extension is there twice (RFC 5280 4.2)."""
    seen = [each.oid for each in wanted]
    for each in seen:
        if seen.count(each) > 1:
            known = getattr(each, "_name", each.dotted_string)
            raise X509Error(f"the extension {known} would be there twice")
    return wanted


def _distribution(places: tuple[x509.GeneralName, ...]) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(
        [x509.DistributionPoint([each], None, None, None) for each in dict.fromkeys(places)]
    )


def purpose(text: str) -> x509.ObjectIdentifier:
    """One of PURPOSES, or an object identifier in dots. Raises X509Error."""
    try:
        return PURPOSES.get(text) or x509.ObjectIdentifier(text)
    except ValueError:
        names = {each.lower(): each for each in PURPOSES}
        like = get_close_matches(text.lower(), names, 1)
        known = f"known are {', '.join(PURPOSES)}, and numbers such as 1.2.3"
        meant = f"did you mean {names[like[0]]}?" if like else known
        raise X509Error(f"{text!r} is not a purpose; {meant}") from None

"""Making keys and certificates. What goes into them is what `wire/certificates.py` reads.

All keys are on P-256: a handshake takes the machine's event loop a fraction of a millisecond with
it, and several times that with P-384.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seemachine.wire.certificates import ESN_URI, ROLE_URI

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Clocks differ a little.
SLACK = timedelta(minutes=5)
USAGES = (
    *(
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    ),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """For everybody."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """For its owner alone; PKCS #8, not encrypted, since machines start unattended."""
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, plain)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when, UTC."""

    begin: datetime
    end: datetime

    @classmethod
    def days(cls, count: int) -> "Validity":
        """From now on."""
        now = datetime.now(UTC).replace(microsecond=0)
        return cls(now - SLACK, now + timedelta(days=count))


def make_ca(name: str, validity: Validity) -> Issued:
    """A new CA. It issues end certificates only. Raises ValueError for a name that can't be."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    builder = _builder(subject, subject, key, validity).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue_machine(ca: Issued, esn: str, hosts: Sequence[str], validity: Validity) -> Issued:
    """A machine's certificate: its ESN, and the names and addresses that clients connect to.

    Raises ValueError for a bad one.
    """
    names = [host_name(host) for host in dict.fromkeys((*LOOPBACK, *hosts))]
    return _issue(
        ca,
        esn,
        [x509.UniformResourceIdentifier(ESN_URI + esn), *names],
        ExtendedKeyUsageOID.SERVER_AUTH,
        validity,
    )


def issue_client(ca: Issued, name: str, role: str, validity: Validity) -> Issued:
    """A client's certificate: its name and role."""
    return _issue(
        ca,
        name,
        [x509.UniformResourceIdentifier(ROLE_URI + role)],
        ExtendedKeyUsageOID.CLIENT_AUTH,
        validity,
    )


def load_ca(certificate: bytes, key: bytes) -> Issued:
    """A CA from its two PEM files.

    Raises ValueError when they are damaged or don't belong together.
    """
    found, private = (
        x509.load_pem_x509_certificate(certificate),
        serialization.load_pem_private_key(key, None),
    )
    if (
        not isinstance(private, ec.EllipticCurvePrivateKey)
        or private.public_key() != found.public_key()
    ):
        raise ValueError("certificate and key do not belong together")
    return Issued(found, private)


def _issue(
    ca: Issued,
    name: str,
    alternatives: list[x509.GeneralName],
    use: x509.ObjectIdentifier,
    validity: Validity,
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    # A certificate that outlives its CA would fail at a moment that nobody expects.
    if ca.certificate.not_valid_after_utc <= validity.begin:
        raise ValueError(
            f"the CA has expired on {ca.certificate.not_valid_after_utc:%Y-%m-%d}; make another one"
            " in another folder"
        )
    within = Validity(validity.begin, min(validity.end, ca.certificate.not_valid_after_utc))
    builder = _builder(_subject(name), ca.certificate.subject, key, within)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([use]), False),
        (x509.SubjectAlternativeName(alternatives), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), False),
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(ca.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    named = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
    )
    dated = (
        named.not_valid_before(validity.begin)
        .not_valid_after(validity.end)
        .serial_number(x509.random_serial_number())
    )
    return dated.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in USAGES})


def host_name(host: str) -> x509.GeneralName:
    """What clients connect to, as a certificate has it. Raises ValueError."""
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        if not host or not all(
            part.replace("-", "").isalnum() and part.isascii() for part in host.split(".")
        ):
            raise ValueError(f"{host!r} is neither an address nor a host name") from None
        return x509.DNSName(host)

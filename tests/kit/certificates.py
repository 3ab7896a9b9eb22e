"""Certificates of a good CA, and of each kind that must be refused."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from seeclient.tls import Tls

from seemachine.config import TlsSettings
from seemachine.pki import authority
from seemachine.pki.authority import Issued, Validity
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.certificates import ROLE_URI

NOW = datetime.now(UTC)
VALID = Validity.days(1)
LONG = Validity(NOW - timedelta(days=3), NOW + timedelta(days=3))
PAST = Validity(NOW - timedelta(days=2), NOW - timedelta(days=1))
FUTURE = Validity(NOW + timedelta(days=1), NOW + timedelta(days=2))


def with_uris(ca: Issued, name: str, uris: list[str]) -> Issued:
    """A client's certificate with any URIs, or none, made without the room that is tested."""
    made = authority.issue_client(ca, "template", "use", VALID)
    builder = (
        x509.CertificateBuilder().subject_name(_subject(name)).issuer_name(ca.certificate.subject)
    )
    builder = builder.public_key(made.key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(VALID.begin).not_valid_after(VALID.end)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
    )
    if uris:
        alternatives = x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(uri) for uri in uris]
        )
        builder = builder.add_extension(alternatives, critical=False)
    return Issued(builder.sign(ca.key, hashes.SHA256()), made.key)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else [])


@dataclass
class Pki:
    """A folder with a CA and what it issued, `other-ca` which nobody trusts, and certificates that
    are wrong in one way each.
    """

    folder: Path

    def __post_init__(self) -> None:
        ca, other = authority.make_ca("test CA", LONG), authority.make_ca("other CA", LONG)
        made = {
            "ca": ca,
            "other-ca": other,
            ESN: authority.issue_machine(ca, ESN, [], VALID),
            "machine-other-esn": authority.issue_machine(ca, OTHER_ESN, [], VALID),
            "machine-expired": authority.issue_machine(ca, ESN, [], PAST),
            "machine-future": authority.issue_machine(ca, ESN, [], FUTURE),
            "machine-other-ca": authority.issue_machine(other, ESN, [], VALID),
            **{
                f"client-{role}": authority.issue_client(ca, f"client {role}", role, VALID)
                for role in ("use", "provision", "admin")
            },
            "expired": authority.issue_client(ca, "late", "use", PAST),
            "future": authority.issue_client(ca, "early", "use", FUTURE),
            "other": authority.issue_client(other, "stranger", "use", VALID),
            "no-role": with_uris(ca, "nobody", []),
            "unknown-role": with_uris(ca, "king", [f"{ROLE_URI}king"]),
            "two-roles": with_uris(ca, "both", [f"{ROLE_URI}use", f"{ROLE_URI}admin"]),
            "no-name": with_uris(ca, "", [f"{ROLE_URI}use"]),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, issued in made.items():
            (self.folder / f"{name}.crt").write_bytes(issued.certificate_pem)
            (self.folder / f"{name}.key").write_bytes(issued.key_pem)

    def machine(self, name: str = ESN) -> TlsSettings:
        """What a machine is started with."""
        return TlsSettings(*self._files(name), self.folder / "ca.crt")

    def client(self, name: str, ca: str = "ca") -> Tls:
        """What a client is opened with."""
        return Tls(*self._files(name), self.folder / f"{ca}.crt")

    def context(
        self, name: str | None, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    ) -> ssl.SSLContext:
        """A client's context of the standard library's making; None: without a certificate."""
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        context.maximum_version = newest
        if name is not None:
            context.load_cert_chain(*self._files(name))
        return context

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

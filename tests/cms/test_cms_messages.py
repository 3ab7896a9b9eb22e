"""Messages of ours, read again by us and by others: attached and detached, with and without signed
attributes.
"""

import datetime as dt
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyhsslms
import pytest
from kit.message_keys import LmsSigner, MldsaSigner, certificate
from pyasn1.codec.der.decoder import decode
from pyasn1_modules import rfc5652
from seeclient import verifying as bare

from seemachine.cms import certificates, reading, signing, verifying
from seemachine.cms import content as content_of
from seemachine.cms.certificates import Certificate
from seemachine.cms.errors import CmsError
from seemachine.cms.signing import Terms
from seemachine.encodings.readings import armored
from seemachine.wire.status import Status, StatusError
from seemachine.x509.keys import SubjectKey

CONTENT = b"firmware 1.0"
MOMENT = dt.datetime(2026, 11, 29, 20, 30, tzinfo=dt.UTC)
FIRMWARE = "1.2.840.113549.1.9.16.1.16"
Signer = LmsSigner | MldsaSigner


def made(
    signer: Signer, terms: Terms, own: Certificate | None = None, content: bytes | Path = CONTENT
) -> bytes:
    """A message."""
    prepared = signing.prepare(signer.key, content, terms, own)
    return prepared.finished(signer.sign(prepared.to_sign))


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("with_attributes", [False, True])
@pytest.mark.parametrize("by_key", [False, True])
def test_a_message_verifies(
    lms: LmsSigner, issued: Certificate, attached: bool, with_attributes: bool, by_key: bool
) -> None:
    """Each combination, and no other content does."""
    moment = MOMENT if with_attributes else None
    terms = Terms(attached, with_attributes, moment, by_key=by_key)
    message = reading.read(made(lms, terms, issued))
    assert message.content == (CONTENT if attached else None)
    assert message.certificates == (issued.data,)
    verified = verifying.verify(message, lms.key, None if attached else CONTENT)
    assert verified.signing_time == moment
    assert verified.named == ("key " + "4b" * 20 if by_key else "serial number 1234")
    if not attached:
        with pytest.raises(StatusError) as refused:
            verifying.verify(message, lms.key, CONTENT + b"\n")
        assert refused.value.status is Status.VerifyFailed


@pytest.mark.parametrize("tree", ["sha256_m24", "shake_m32", "shake_m24"])
def test_the_hash_is_that_of_the_tree(tree: str) -> None:
    """SHA-256, or SHAKE256 with 64 bytes, for every family (RFC 9708 5)."""
    signer = LmsSigner.made(f"{tree}_h5", f"{tree.replace('_m', '_n')}_w4")
    message = reading.read(made(signer, Terms(moment=MOMENT, by_key=True)))
    [info] = message.signers
    assert info.attributes is not None
    assert info.hash_name == ("sha256" if "sha256" in tree else "shake256")
    assert len(info.attributes.digest) == (32 if "sha256" in tree else 64)
    assert verifying.verify(message, signer.key, CONTENT).hash_name == info.hash_name


def test_ml_dsa(mldsa: MldsaSigner) -> None:
    """With SHA-512, as RFC 9882 3.3 has it; the identifier is that of the key's set."""
    own = certificates.read(certificate(mldsa))
    message = reading.read(made(mldsa, Terms(moment=MOMENT), own))
    assert message.signers[0].signature_identifier == "2.16.840.1.101.3.4.3.18"
    assert verifying.verify(message, mldsa.key, CONTENT).hash_name == "sha512"


def test_the_signature_is_over_the_der_of_the_attributes(lms: LmsSigner) -> None:
    """An independent verifier takes it over the SET OF that pyasn1-modules has of them, and over
    nothing else; of them, content type, digest, time and algorithms are signed, in DER's order.
    """
    message = made(lms, Terms(moment=MOMENT, by_key=True))
    signed = decode(
        bytes(decode(message, rfc5652.ContentInfo())[0]["content"]), rfc5652.SignedData()
    )
    [info] = signed[0]["signerInfos"]
    signature = bytes(info["signature"])
    key = pyhsslms.HssPublicKey.deserialize(lms.key.encode())
    der = lms.signed[-1]
    assert der[0] == 0x31
    assert key.verify(der, signature)
    assert not key.verify(CONTENT, signature)
    assert hashlib.sha256(CONTENT).digest() in der
    assert b"261129203000Z" in der
    assert der[2:] in message


def test_without_attributes_the_content_itself_is_signed(lms: LmsSigner) -> None:
    """RFC 9708 5; a file of any size is named, not read."""
    terms = Terms(signed_attributes=False, by_key=True)
    message = reading.read(made(lms, terms))
    assert lms.signed[-1] == CONTENT
    bare.verify(CONTENT, message.signers[0].signature, lms.key.encode())


def test_a_file_is_named_and_not_read(lms: LmsSigner, tmp_path: Path) -> None:
    """Detached and without attributes, whatever its size."""
    file, terms = tmp_path / "f", Terms(signed_attributes=False, by_key=True)
    file.write_bytes(CONTENT)
    assert signing.prepare(lms.key, file, terms).to_sign == file
    verifying.verify(reading.read(made(lms, terms, content=file)), lms.key, file)


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("with_attributes", [False, True])
def test_a_pipe_gives_its_bytes_once(
    lms: LmsSigner, tmp_path: Path, attached: bool, with_attributes: bool
) -> None:
    """It is signed and verified as a file with the same bytes would be."""
    pipe, terms = tmp_path / "pipe", Terms(attached, with_attributes, by_key=True)
    os.mkfifo(pipe)

    def piped(take: Callable[[], Any]) -> Any:
        writer = threading.Thread(target=pipe.write_bytes, args=(CONTENT,))
        writer.start()
        try:
            return take()
        finally:
            writer.join()

    message = reading.read(piped(lambda: made(lms, terms, content=pipe)))
    if attached:
        verifying.verify(message, lms.key)
    else:
        verifying.verify(message, lms.key, CONTENT)
        piped(lambda: verifying.verify(message, lms.key, pipe))


def test_a_firmware_package(lms: LmsSigner) -> None:
    """A content that is not plain data makes the message one of version 3, and needs attributes."""
    message = made(lms, Terms(attached=True, content_type=FIRMWARE, by_key=True))
    assert reading.read(message).content_type == FIRMWARE
    verifying.verify(reading.read(message), lms.key)
    with pytest.raises(CmsError, match="needs signed attributes"):
        signing.prepare(
            lms.key, CONTENT, Terms(signed_attributes=False, content_type=FIRMWARE, by_key=True)
        )


def test_the_identifier_of_a_key_is_the_one_in_our_certificates(
    lms: LmsSigner, mldsa: MldsaSigner
) -> None:
    """So a message without a certificate finds the one that we make of its key."""
    for key in (lms.key.encode(), mldsa.key):
        of = lms.key if key is not mldsa.key else mldsa.key
        assert certificates.key_identifier(of) == SubjectKey.of(key).identifier


@pytest.mark.parametrize(
    ("terms", "versions"),
    [
        (Terms(), (1, 1)),
        (Terms(by_key=True), (3, 3)),
        (Terms(content_type=FIRMWARE), (3, 1)),
    ],
)
def test_versions(
    lms: LmsSigner, issued: Certificate, terms: Terms, versions: tuple[int, int]
) -> None:
    """Those of message and signer, as RFC 5652 5.1 and 5.3 have them."""
    prepared = signing.prepare(lms.key, CONTENT, terms, issued)
    outer = decode(prepared.finished(b"signature"), rfc5652.ContentInfo())[0]
    signed = decode(bytes(outer["content"]), rfc5652.SignedData())[0]
    assert (int(signed["version"]), int(signed["signerInfos"][0]["version"])) == versions


def test_pem_and_der_are_read(lms: LmsSigner) -> None:
    """As CMS and PKCS7 blocks."""
    message = made(lms, Terms(attached=True, by_key=True))
    for label in ("CMS", "PKCS7"):
        verifying.verify(reading.read(armored(message, label).encode()), lms.key)


def test_certificates_of_issuers_are_put_in_byte_for_byte(
    lms: LmsSigner, issued: Certificate
) -> None:
    """Once each; without any, the signer is still named by issuer and serial number."""
    other = certificate(lms, serial=0x77)
    message = made(lms, Terms(others=(other, issued.data)), issued)
    assert sorted(reading.read(message).certificates) == sorted((issued.data, other))
    bare_message = reading.read(made(lms, Terms(with_certificate=False), issued))
    assert (bare_message.certificates, bare_message.signers[0].named) == ((), "serial number 1234")


def test_a_year_of_four_digits(lms: LmsSigner) -> None:
    """From 2050 on a signing time is a GeneralizedTime (RFC 5652 11.3)."""
    later = MOMENT.replace(year=2050)
    message = reading.read(made(lms, Terms(moment=later, by_key=True)))
    assert verifying.verify(message, lms.key, CONTENT).signing_time == later
    assert b"20501129203000Z" in lms.signed[-1]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_openssl_parses_it(lms: LmsSigner, issued: Certificate, tmp_path: Path) -> None:
    """Its printer finds every part where it belongs."""
    (tmp_path / "m.der").write_bytes(made(lms, Terms(True, moment=MOMENT), issued))
    command = ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", "m.der"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for part in ("pkcs7-signedData", "sha256", "1.2.840.113549.1.9.16.3.17", "signingTime"):
        assert part in done.stdout
    assert done.stdout.count("parameter: <ABSENT>") >= 5


def test_a_certificate_that_is_not_valid_at_the_signing_time(
    lms: LmsSigner, issued: Certificate
) -> None:
    """Others refuse such a message. Without a time they can't tell, and nor do we."""
    for year, said in ((2025, "is not valid before 2026-01-01"), (2047, "has expired on 2046")):
        with pytest.raises(CmsError, match=f"the certificate {said}"):
            signing.prepare(lms.key, CONTENT, Terms(moment=MOMENT.replace(year=year)), issued)
    signing.prepare(lms.key, CONTENT, Terms(), issued)


# ---- what is refused before a leaf is taken ------------------------------------------------------


def test_a_certificate_of_another_key(lms: LmsSigner, mldsa: MldsaSigner) -> None:
    """Of another LMS key, or of another algorithm."""
    other = LmsSigner.made("sha256_m24_h5", "sha256_n24_w2")
    for signer in (other, mldsa):
        own = certificates.read(certificate(signer))
        with pytest.raises(CmsError, match="the certificate is of another key"):
            signing.prepare(lms.key, CONTENT, Terms(), own)


def test_a_certificate_that_is_not_for_messages(lms: LmsSigner) -> None:
    """That of a CA alone; one that does not say is taken."""
    authority = certificates.read(certificate(lms, usage=0x04))
    with pytest.raises(CmsError, match="neither digitalSignature nor nonRepudiation"):
        signing.prepare(lms.key, CONTENT, Terms(), authority)
    silent = certificates.read(certificate(lms, usage=None, subject_key=None))
    assert (silent.for_messages, silent.subject_key) == (None, None)
    signing.prepare(lms.key, CONTENT, Terms(), silent)


def test_terms_that_contradict_each_other(lms: LmsSigner) -> None:
    """A time without attributes, and a signer without a certificate."""
    with pytest.raises(CmsError, match="signing time is a signed attribute"):
        signing.prepare(lms.key, CONTENT, Terms(False, False, MOMENT, by_key=True))
    with pytest.raises(CmsError, match="there is none"):
        signing.prepare(lms.key, CONTENT, Terms())


def test_a_content_that_is_too_long_for_a_message(
    lms: LmsSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detached, it is taken."""
    monkeypatch.setattr(content_of, "MOST_KEPT", 4)
    with pytest.raises(CmsError, match="leave it detached"):
        signing.prepare(lms.key, CONTENT, Terms(attached=True, by_key=True))
    signing.prepare(lms.key, CONTENT, Terms(by_key=True))

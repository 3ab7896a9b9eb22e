"""Our forms before judges of other makers, and theirs before us: each good one is taken, and with
one bit flipped in the key, the signature or the message refused.

tests/lms asks pyhsslms and hsslms about plain keys of every set, tests/x509, tests/cms and
tests/jar ask others about certificates, messages and JARs.
"""

import subprocess
from typing import Any

import hsslms
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from judges.present import JUDGES, Told, missing
from kit.flips import flipped_at
from kit.message_keys import LmsSigner, MldsaSigner
from kit.signatures import H5_SETS, OneProcess
from pyhsslms import pyhsslms
from seeclient.verifying import verify
from vectors.published import cases

from seemachine.encodings.forms import (
    FormError,
    recognized_key,
    recognized_signature,
    write_key,
    write_signature,
)
from seemachine.encodings.kinds import bytes_of
from seemachine.wire.status import Status, StatusError

MESSAGE = b"firmware 1.0"
# Those of SHA-256 with 32 bytes: neither JDK 25 nor Bouncy Castle 1.72 has others.
WIDTHS = (1, 2, 4, 8)
HSS = ("hss", "hss")
# What is given to a judge, and what it is to say.
Case = tuple[bytes, bytes, bytes, bool]


def ours(signer: LmsSigner, key_form: str, form: str) -> list[Case]:
    """A signature in two forms; and with a bit flipped at its end, in its middle, in the key and
    in the message.
    """
    key = write_key(signer.key, key_form)
    _, made = recognized_signature(signer.sign(MESSAGE))
    signature = write_signature(made, form)
    return [
        (key, signature, MESSAGE, True),
        (key, flipped_at(signature, -1), MESSAGE, False),
        (key, flipped_at(signature, len(signature) // 3), MESSAGE, False),
        (flipped_at(key, -1), signature, MESSAGE, False),
        (key, signature, flipped_at(MESSAGE, -1), False),
    ]


def published(key_form: str) -> list[Case]:
    """The two signatures of RFC 8554, which have two levels, and the certificate of RFC 9802, with
    the key in a form of ours; and each over another message.
    """
    certificate = cases("published_keys")[0]["pem"].encode()
    read = x509.load_pem_x509_certificate(certificate)
    given = [(certificate, read.signature, read.tbs_certificate_bytes)]
    names = ("public_key", "signature", "message")
    for case in cases("rfc")[:2]:
        key, signature, message = (bytes.fromhex(case[name]) for name in names)
        given.append((key, signature, message))
    made: list[Case] = []
    for key, signature, message in given:
        verify(message, signature, key)
        written = write_key(recognized_key(key).key, key_form)
        made += [(written, signature, message, True), (written, signature, message + b".", False)]
    return made


def line(form: str, case: Case) -> str:
    """What the programs in Java read."""
    return " ".join([form, *(part.hex() for part in case[:3])])


def hold(told: list[str], wanted: list[tuple[str, Case]]) -> None:
    """A judge takes what is good, and nothing else."""
    assert len(told) == len(wanted)
    wrong = [
        (form, number, said)
        for number, (said, (form, case)) in enumerate(zip(told, wanted, strict=True))
        if (said == "good") != case[3]
    ]
    assert not wrong


def of_every_width(*forms: tuple[str, str]) -> list[tuple[str, Case]]:
    """Our cases of each width of LM-OTS in each of these pairs of forms, by the key's."""
    signers = [LmsSigner.made("sha256_m32_h5", f"sha256_n32_w{width}") for width in WIDTHS]
    return [
        (key_form, case)
        for signer in signers
        for key_form, form in forms
        for case in ours(signer, key_form, form)
    ]


def test_the_jdk(jdk: Told) -> None:
    """SubjectPublicKeyInfo of RFC 9802 and of RFC 8708 with HSS signatures, of one level and two;
    one of Caliptra's shape is none to it.
    """
    wanted = of_every_width(("der", "hss"), ("der-8708", "hss"))
    wanted += [(form, case) for form in ("der", "der-8708") for case in published(form)]
    # Its shape, whatever the set: the plain key where the HSS key should be.
    plain = write_key(LmsSigner.made().key, "lms")
    info = bytes.fromhex("304a300d060b2a864886f70d0109100311033900") + plain
    wanted.append(("caliptra", (info, wanted[0][1][1], MESSAGE, False)))
    hold(jdk([line(form, case) for form, case in wanted]), wanted)


def test_bouncy_castle_takes_ours(bouncy_castle: Told) -> None:
    """Plain, HSS of one level and two, and the form of RFC 8708, with which 1.72 wants a plain
    signature, and 1.86 that of HSS.
    """
    version, _ = JUDGES["Bouncy Castle"]
    beside = "lms" if version() == "1.72" else "hss"
    wanted = of_every_width(("lms", "lms"), ("hss", "hss"), ("der-8708", beside))
    wanted += [("hss", case) for case in published("hss")]
    hold(bouncy_castle([line(form, case) for form, case in wanted]), wanted)


def test_we_take_those_of_bouncy_castle(bouncy_castle: Told) -> None:
    """Its keys and signatures are recognized and verify, of one level and two; its private key
    is refused, whatever its form.
    """
    told = bouncy_castle([f"make {form} {MESSAGE.hex()}" for form in ("lms", "hss")])
    for form, answer in zip(("lms", "hss"), told, strict=True):
        key, signature, info, private = map(bytes.fromhex, answer.split())
        assert recognized_key(key).form == form
        # 1.72 follows RFC 8708; newer ones follow RFC 9802.
        assert recognized_key(info).form in ("der-8708", "der")
        assert recognized_key(info).key == recognized_key(key).key
        assert recognized_signature(signature).form == form
        taken_by_us(key, signature)
        taken_by_us(info, signature)
        with pytest.raises(FormError, match="a private LMS key in PKCS#8"):
            recognized_key(private)


def taken_by_us(key: bytes, signature: bytes) -> None:
    """One that verifies, and not with a bit flipped."""
    verify(MESSAGE, signature, key)
    for other in ((flipped_at(MESSAGE, -1), signature), (MESSAGE, flipped_at(signature, -1))):
        with pytest.raises(StatusError) as refused:
            verify(*other, key)
        assert refused.value.status is Status.VerifyFailed


def test_pyhsslms_takes_our_hss() -> None:
    """Of every set, and nothing that was changed."""
    for tree, ots in H5_SETS:
        for key, signature, message, good in ours(LmsSigner.made(tree.name, ots.name), *HSS):
            taken = pyhsslms.HssPublicKey.deserialize(key).verify(message, signature)
            assert taken == good, (tree.name, ots.name)


def test_we_take_hss_of_pyhsslms() -> None:
    """Of two levels, of a family that neither Java nor hsslms has."""
    tree, ots = pyhsslms.lms_shake_m24_h5, pyhsslms.lmots_shake_n24_w2
    private = pyhsslms.HssPrivateKey(levels=2, lms_type=tree, lmots_type=ots)
    key = private.publicKey().serialize()
    signature = private.sign(MESSAGE)
    assert recognized_key(key).form == recognized_signature(signature).form == "hss"
    for form in ("hss", "der", "der-8708", "pem", "cose", "json"):
        taken_by_us(write_key(recognized_key(key).key, form), signature)


def test_hsslms_takes_our_hss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each set of SHA-256."""
    monkeypatch.setattr(hsslms.lms, "Pool", OneProcess)
    for tree, ots in H5_SETS:
        if ots.hash != "sha256":
            continue
        for key, signature, message, good in ours(LmsSigner.made(tree.name, ots.name), *HSS):
            assert hsslms_takes(key, signature, message) == good, (tree.name, ots.name)


def hsslms_takes(key: bytes, signature: bytes, message: bytes) -> bool:
    """Its verdict."""
    try:
        hsslms.HSS_Pub(key).verify(message, signature)
    except hsslms.INVALID:
        return False
    return True


@pytest.mark.skipif(bool(missing("OpenSSL")), reason=missing("OpenSSL"))
@pytest.mark.parametrize(("tree", "size"), [("m32", 61), ("m24", 53)])
def test_openssl_parses_our_keys(tree: str, size: int) -> None:
    """In PEM: the identifier without parameters, and a bit string of the level and the key; with
    RFC 8708 there is an OCTET STRING in it.
    """
    signer = LmsSigner.made(f"sha256_{tree}_h5", f"sha256_{tree.replace('m', 'n')}_w8")
    words = ["openssl", "asn1parse", "-inform"]
    for form, encoding, longer in (("pem", "PEM", 0), ("der", "DER", 0), ("der-8708", "DER", 2)):
        key = write_key(signer.key, form)
        told = subprocess.run([*words, encoding], input=key, capture_output=True, check=True)
        rows = told.stdout.decode().splitlines()
        assert len(rows) == 4
        assert "1.2.840.113549.1.9.16.3.17" in rows[2] or "hss" in rows[2].lower()
        assert f"l={size + longer:4} prim: BIT STRING" in rows[3]


@pytest.mark.parametrize("number", [44, 65, 87])
def test_cryptography_takes_our_mldsa(number: int) -> None:
    """Its keys come back in each form; its signatures verify here, and what we read of them
    there.
    """
    signer: Any = MldsaSigner.made(number)
    public, signature = signer.private.public_key(), signer.sign(MESSAGE)
    for form, load in (("der", load_der_public_key), ("pem", load_pem_public_key)):
        written = write_key(signer.key, form)
        assert load(written) == public
        encoding = Encoding.DER if form == "der" else Encoding.PEM
        theirs = public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        assert recognized_key(theirs) == (form, signer.key)
        taken_by_us(theirs, signature)
    read = recognized_signature(write_signature(signature, "base64")).signature
    public.verify(bytes_of(read), MESSAGE)
    with pytest.raises(InvalidSignature):
        public.verify(flipped_at(signature, 0), MESSAGE)
    private = signer.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(FormError, match="private key"):
        recognized_key(private)

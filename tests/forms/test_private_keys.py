"""Private keys of other tools: each is told, none is read, and no public key is taken for one."""

import base64
import os
import pickle

import pytest
from hsslms.pershss import PersHSS_Priv
from kit import formed
from pyhsslms import pyhsslms

from seemachine.encodings import cbor
from seemachine.encodings.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element
from seemachine.encodings.forms import (
    KEY_FORMS,
    AmbiguousForm,
    FormError,
    RecognizedKey,
    recognized_key,
    write_key,
)
from seemachine.encodings.keyforms import HSS_LMS
from seemachine.encodings.private_keys import is_lookalike, maker_of, refuse_lookalike
from seemachine.encodings.readings import armored
from seemachine.lms.keys import u32
from seemachine.mldsa.parameters import MLDSA_SETS

SHA256 = {"lms_type": pyhsslms.lms_sha256_m32_h5, "lmots_type": pyhsslms.lmots_sha256_n32_w2}
SHORT = {"lms_type": pyhsslms.lms_sha256_m24_h5, "lmots_type": pyhsslms.lmots_sha256_n24_w2}
# caliptra-sw, image/fake-keys/keys/owner_lms_key.pem.
OF_CALIPTRA = """-----BEGIN PRIVATE KEY-----
MEQCAQAwDQYLKoZIhvcNAQkQAxEEMAAAAAwAAAAH5W0+U6XCW+rzOpAVWyc642XE
+6zTq6KPd+fFHH85uk1Z0LCDean3XQ==
-----END PRIVATE KEY-----
"""


# Written by Bouncy Castle 1.72: HSSPrivateKeyParameters.getEncoded(), of one level.
OF_BC_1_72 = (
    "00000000000000010000000000000000000000000000002000000000000000000500000003d92a60"
    "6b5f9d66c6f1822555b43d6ab80000000000000020000000204213b22a5c52244a7954267ef82654"
    "bbf6425199bb5cf889a7e5e5dd50890720"
)


def pkcs8(content, identifier=HSS_LMS, version=0, more=b""):
    """A private key in PKCS#8."""
    algorithm = element(SEQUENCE, element(OBJECT_IDENTIFIER, identifier))
    numbered = element(0x02, bytes([version]))
    return element(SEQUENCE, numbered + algorithm + element(OCTET_STRING, content) + more)


def of_bouncy_castle(size, pair=(5, 4), nodes=b""):
    """An LMS key (docs/formats/lms-private-key.md of bc-java)."""
    head = u32(0) + u32(pair[0]) + u32(pair[1]) + os.urandom(16) + u32(3) + u32(32)
    return head + u32(size) + os.urandom(size) + nodes


def hss_of_bouncy_castle():
    """An HSS key of two levels: version, levels, index, its limit, whether it is a part, keys."""
    head = u32(1) + u32(2) + bytes(8) + (1024).to_bytes(8, "big") + b"\0"
    return head + of_bouncy_castle(32) + of_bouncy_castle(32)


def of_cisco(levels, seed):
    """Count, parameter sets, seed and I (hss_internal.h)."""
    sets = bytes([0x64] * levels).ljust(8, b"\xff")
    return bytes(7) + b"\x05" + sets + os.urandom(seed)


def of_botan(levels=2):
    """Levels, index, types of each level, seed and I (hss.cpp), under an identifier of Botan's."""
    types = (u32(5) + u32(4)) * levels
    content = u32(levels) + bytes(8) + types + os.urandom(32 + 16)
    return pkcs8(content, bytes.fromhex("2b0601040181c52a010d"))


def of_lms_go(pair=(5, 4), size=32):
    """Types, q, I and the seed (lms/private.go)."""
    return u32(pair[0]) + u32(pair[1]) + u32(3) + os.urandom(16 + size)


def of_wolfboot():
    """64 bytes of wolfSSL's, then the public key (keygen.c, sign.c)."""
    return of_cisco(1, 48) + write_key(formed.key(), "hss")


PRIVATE = {
    "Caliptra": (OF_CALIPTRA.encode, "in PKCS#8"),
    "Caliptra in DER": (lambda: pkcs8(os.urandom(48)), "in PKCS#8"),
    "Bouncy Castle in PKCS#8": (
        lambda: pkcs8(u32(1) + of_bouncy_castle(32), version=1, more=b"\x81\x01\x00"),
        "in PKCS#8",
    ),
    "Bouncy Castle in PEM": (
        lambda: armored(pkcs8(u32(1) + of_bouncy_castle(32)), "PRIVATE KEY").encode(),
        "in PKCS#8",
    ),
    "Botan": (of_botan, "in PKCS#8"),
    "lms-go": (of_lms_go, "or lms-go"),
    "lms-go n24": (lambda: of_lms_go((10, 8), 24), "or lms-go"),
    "wolfBoot": (of_wolfboot, "wolfBoot"),
    "liboqs": (lambda: of_cisco(1, 48) + u32(0x80000020) + os.urandom(32 * 33), "liboqs"),
    "Bouncy Castle": (lambda: of_bouncy_castle(32), "of Bouncy Castle"),
    "Bouncy Castle m24": (lambda: of_bouncy_castle(24, (10, 8)), "of Bouncy Castle"),
    "Bouncy Castle 1.86": (
        lambda: of_bouncy_castle(32, nodes=u32(63) + os.urandom(63 * 32)),
        "of Bouncy Castle",
    ),
    "Bouncy Castle 1.72 HSS": (lambda: bytes.fromhex(OF_BC_1_72), "of Bouncy Castle"),
    "Bouncy Castle HSS": (hss_of_bouncy_castle, "of Bouncy Castle"),
    "pyhsslms": (lambda: pyhsslms.LmsPrivateKey(**SHA256).serialize(), "of pyhsslms"),
    "pyhsslms m24": (lambda: pyhsslms.LmsPrivateKey(**SHORT).serialize(), "of pyhsslms"),
    "pyhsslms HSS": (lambda: pyhsslms.HssPrivateKey(2, **SHORT).serialize(), "of pyhsslms"),
    "pyhsslms 1 HSS": (
        lambda: u32(1) + u32(32) + pyhsslms.LmsPrivateKey(**SHORT).serialize(),
        "of pyhsslms",
    ),
    "hsslms": (lambda: PersHSS_Priv.FILEHEADER + os.urandom(200), "of hsslms"),
    "hash-sigs": (lambda: of_cisco(1, 48), "of hash-sigs"),
    "hash-sigs, 2 levels": (lambda: of_cisco(2, 48), "of hash-sigs"),
    "hash-sigs, seed alone": (lambda: of_cisco(8, 32), "of hash-sigs"),
    "hash-sigs .aux": (lambda: u32(0x80000020) + os.urandom(32 * 33), "(.aux)"),
    "in hexadecimal": (lambda: pkcs8(os.urandom(48)).hex().encode(), "in PKCS#8"),
}


def refusal(data):
    """The sentence."""
    with pytest.raises(FormError) as refused:
        recognized_key(data)
    return str(refused.value)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_key_of_another_tool(name):
    """It is told whose it is, why it is not read, and what to do."""
    make, maker = PRIVATE[name]
    said = refusal(bytes(make()))
    assert said.startswith("this is a private LMS key ")
    assert maker in said
    assert "each copy of it" in said
    assert "make a new key here" in said


@pytest.mark.parametrize("pair", formed.PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_no_public_key_is_taken_for_one(pair):
    """Whatever its sets and levels."""
    for levels in range(1, 9):
        key = formed.key(pair, levels)
        for form in ("hss", "der", "der-8708", "cose"):
            assert maker_of(write_key(key, form)) == ""
    assert maker_of(write_key(formed.key(pair), "lms")) == ""


@pytest.mark.parametrize("each", MLDSA_SETS, ids=lambda each: each.name)
def test_private_keys_of_mldsa(each):
    """They are told too: what is read is public."""
    identifier = bytes.fromhex("6086480165030403") + bytes([each.arc])
    seed = pkcs8(b"\x80\x20" + os.urandom(32), identifier)
    assert refusal(seed) == "this is a private key of ML-DSA; only public keys are read"


def test_a_private_cose_key():
    """Label -2 is its seed (RFC 9964 4): it is refused although its public key is in it."""
    private = cbor.encoded({1: 7, 3: -50, -1: formed.mldsa_key(), -2: os.urandom(32)})
    assert refusal(private) == "this is a private COSE_Key; only public keys are read"


def test_an_encrypted_private_key():
    """Of what algorithm nobody can tell; it is not said to be damaged."""
    scheme = element(SEQUENCE, element(OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d01050d")))
    data = element(SEQUENCE, scheme + element(OCTET_STRING, os.urandom(80)))
    pem = armored(data, "ENCRYPTED PRIVATE KEY").encode()
    for given in (data, pem):
        assert refusal(given) == "this is an encrypted private key; only public keys are read"


def test_a_pickle_is_not_opened():
    """Bytes of others are looked at, and never run."""

    class Bomb:
        def __reduce__(self):
            return os.abort, ()

    assert refusal(PersHSS_Priv.FILEHEADER + pickle.dumps(Bomb())).startswith("this is a private")


@pytest.mark.parametrize("name", PRIVATE)
def test_none_is_ever_a_public_key(name):
    """Nor is what is cut off of one, but for the types and 40 or 48 bytes that follow: of these
    nobody can tell whether they are a seed.
    """
    data = bytes(PRIVATE[name][0]())
    for size in {*range(min(len(data), 100)), *({1312, 1952, 2592} & set(range(len(data))))}:
        if name.startswith(("pyhsslms", "lms-go")) and size in (48, 56):
            continue
        with pytest.raises(FormError):
            recognized_key(data[:size])


NEARLY = {
    "one byte more than hash-sigs": lambda: of_cisco(1, 49),
    "one byte more than wolfBoot": lambda: of_wolfboot() + b"\0",
    "what follows is no public key": lambda: of_cisco(1, 48) + bytes(60),
    "a parameter set that there is not": lambda: bytes(8) + b"\x44" + b"\xff" * 7 + os.urandom(48),
    "an LM-OTS set that there is not": lambda: bytes(8) + b"\x50" + b"\xff" * 7 + os.urandom(48),
    "neither a part nor a whole": lambda: (
        hss_of_bouncy_castle()[:24] + b"\2" + hss_of_bouncy_castle()[25:]
    ),
    "no parameter set": lambda: bytes(8) + b"\xff" * 8 + os.urandom(48),
    "as many levels as there can't be": lambda: u32(1) + u32(9) + hss_of_bouncy_castle()[8:],
    "no level": lambda: u32(1) + u32(0) + hss_of_bouncy_castle()[8:],
    "nine levels of pyhsslms": lambda: (
        u32(9) + bytes.fromhex("11111111") + pyhsslms.HssPrivateKey(1, **SHORT).serialize()[8:]
    ),
    "Bouncy Castle, cut off": lambda: of_bouncy_castle(32)[:-1],
    "a seed of another length": lambda: of_bouncy_castle(24, (5, 4)),
    "two parameter sets that do not go together": lambda: of_bouncy_castle(32, (5, 8)),
    "another version": lambda: u32(2) + of_bouncy_castle(32)[4:],
    "another version of HSS": lambda: u32(2) + hss_of_bouncy_castle()[4:],
    "no level of an .aux": lambda: u32(0x80000000) + os.urandom(32),
    "an .aux that is cut off": lambda: u32(0x80000020) + os.urandom(32 * 33 - 1),
    "an .aux of levels that no tree has": lambda: u32(0xFE000000) + os.urandom(64),
    "PKCS#8 of another algorithm": lambda: pkcs8(os.urandom(48), bytes.fromhex("2b6570")),
}


@pytest.mark.parametrize("name", NEARLY)
def test_what_nearly_is_one(name):
    """It is not said to be a private key."""
    assert "private" not in refusal(bytes(NEARLY[name]()))


def test_what_nobody_can_tell():
    """A bare key of Caliptra's image/app has type, LM-OTS type, I and seed: byte by byte a public
    key with another root. No other form, and no other key, may be one.
    """
    bare = base64.b64decode("".join(OF_CALIPTRA.splitlines()[1:-1]))[-48:]
    for data in (bare, bare.hex().encode(), base64.b64encode(bare)):
        with pytest.raises(AmbiguousForm, match="or a private key of Caliptra's image/app"):
            refuse_lookalike(recognized_key(data))
    for pair in formed.PAIRS:
        assert is_lookalike(RecognizedKey("lms", formed.key(pair))) is (pair == formed.CALIPTRA)
    for form in KEY_FORMS.keys() - {"lms", "caliptra-raw", "raw"}:
        assert not is_lookalike(recognized_key(write_key(formed.key(formed.CALIPTRA), form)))
    assert not is_lookalike(recognized_key(formed.mldsa_key()))

"""Forms of public keys and signatures: what is written is recognized, and is what others publish.

They are in `encodings`; a folder of that name here would have the name of a package of Python's.
"""

import base64
import gzip
import random
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from kit import formed
from kit.properties import examples
from vectors.published import cases

from seemachine.encodings import cbor, der
from seemachine.encodings.der import SEQUENCE, element
from seemachine.encodings.explaining import NEITHER
from seemachine.encodings.forms import (
    KEY_FORMS,
    SIGNATURE_FORMS,
    FormError,
    recognized,
    recognized_key,
    recognized_signature,
    write_key,
    write_signature,
)
from seemachine.encodings.kinds import bytes_of
from seemachine.encodings.mldsa_signatures import set_of_signature
from seemachine.encodings.readings import GZIP
from seemachine.lms.parameters import signature_bytes
from seemachine.mldsa.parameters import MLDSA_SETS

LMS_FORMS = [form.name for form in KEY_FORMS.values() if "LMS" in form.algorithms]
MLDSA_FORMS = [form.name for form in KEY_FORMS.values() if "ML-DSA" in form.algorithms]
# The same bytes: of a plain key nobody can tell who is to take it.
SAME = {"caliptra-raw": "lms"}
RFC_9802, CALIPTRA, RFC_8708 = (case["pem"] for case in cases("published_keys"))


def refused(read, *arguments):
    """The sentence of a refusal."""
    with pytest.raises(FormError) as refusal:
        read(*arguments)
    return str(refusal.value)


@pytest.mark.parametrize("pair", formed.PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_a_key_of_every_set(pair):
    """Each form that holds it gives it back, and says its own name."""
    key = formed.key(pair)
    for form in LMS_FORMS:
        if form.startswith("caliptra") and pair != formed.CALIPTRA:
            assert "Caliptra takes sha256_m24_h15 sha256_n24_w4 alone" in refused(
                write_key, key, form
            )
        else:
            assert recognized_key(write_key(key, form)) == (SAME.get(form, form), key)


@pytest.mark.parametrize("levels", range(2, 9))
def test_a_key_of_more_levels(levels):
    """Forms with a number of levels give it back; the others refuse it, and say what to use."""
    key = formed.key(levels=levels)
    for form in LMS_FORMS:
        if form in ("lms", "caliptra", "caliptra-raw"):
            sentence = refused(write_key, key, form)
            assert sentence == (
                f"the form {form} can't hold it: it has {levels} levels, and there is room for one;"
                " use hss or pem"
            )
        else:
            assert recognized_key(write_key(key, form)) == (form, key)


def test_a_key_of_mldsa_that_begins_like_an_octet_string():
    """One in 256 does; it is in no form of RFC 8708 for that."""
    key = b"\x04" + formed.mldsa_key(44)[1:]
    assert recognized_key(write_key(key, "der")) == ("der", key)


@pytest.mark.parametrize("number", [44, 65, 87])
def test_a_key_of_mldsa(number):
    """Each form that holds it gives it back; those of LMS refuse it."""
    key = formed.mldsa_key(number)
    for form in MLDSA_FORMS:
        assert recognized_key(write_key(key, form)) == (form, key)
    said = refused(write_key, key, "hss")
    assert said == "hss is not a form of an ML-DSA public key; use one of der, pem, raw, cose, json"


@pytest.mark.parametrize(
    ("key", "also"),
    [
        (formed.key(), "lms, hss, der, pem, der-8708, cose, json"),
        (formed.key(levels=2), "hss, der, pem, der-8708, cose, json"),
        (
            formed.key(formed.CALIPTRA),
            "lms, hss, der, pem, der-8708, caliptra, caliptra-raw, cose, json",
        ),
    ],
    ids=["plain", "levels", "caliptra"],
)
def test_the_forms_that_are_offered(key, also):
    """They are those that hold this very key."""
    assert refused(write_key, key, "base64") == (
        f"base64 is not a form of an LMS public key; use one of {also}"
    )


@pytest.mark.parametrize("levels", range(1, 9))
def test_a_signature(levels):
    """Each form gives it back; the plain one refuses those with levels."""
    made = formed.signature(levels=levels, leaf=3)
    for form in ("hss", "base64", "json"):
        assert recognized_signature(write_signature(made, form)) == (form, made)
    if levels == 1:
        assert recognized_signature(write_signature(made, "lms")) == ("lms", made)
    else:
        assert "levels, and there is room for one; use hss" in refused(write_signature, made, "lms")


@given(st.sampled_from(formed.PAIRS), st.integers(0, 31))
@examples(40)
def test_a_signature_of_any_set(pair, leaf):
    """The same of every parameter set."""
    made = formed.signature(pair, leaf=leaf)
    for form in ("lms", "hss", "base64", "json"):
        assert recognized_signature(write_signature(made, form)) == (form, made)


def test_signatures_of_mldsa():
    """What FIPS 204 verifiers accept is recognized in each form, and gives the same bytes."""
    signatures = formed.mldsa_signatures()
    assert len({len(made) for made in signatures}) == 3
    for made in signatures:
        for form in ("raw", "base64", "json"):
            assert recognized_signature(write_signature(made, form)) == (form, made)


@pytest.mark.parametrize("start", ["1f8b07", "1f8b08", "3082", "7b22", "2d2d2d2d2d424547494e20"])
def test_what_begins_like_another_form(start):
    """Bytes of ML-DSA may begin like anything: like gzip, every 65,536th does."""
    start = bytes.fromhex(start)
    for number in (44, 65, 87):
        key = start + formed.mldsa_key(number)[len(start) :]
        if start != GZIP:
            assert recognized_key(key) == ("raw", key)
    for made in formed.mldsa_signatures():
        signature = start + made[len(start) :]
        assert recognized_signature(signature) == ("raw", signature)


@pytest.mark.parametrize("size", [each.signature_bytes for each in MLDSA_SETS])
def test_random_bytes_as_long_as_a_signature_of_mldsa(size):
    """They have no hint, and are none."""
    data = random.Random(size).randbytes(size)
    assert refused(recognized_signature, data) == "this is not an LMS, HSS or ML-DSA signature"


@pytest.mark.parametrize("made", {len(each): each for each in formed.mldsa_signatures()}.values())
def test_hints(made):
    """Places of ones rise, and zeros follow the last (FIPS 204 algorithm 21)."""
    parameters = set_of_signature(made)
    k = {44: 4, 65: 6, 87: 8}[parameters.number]
    omega = {44: 80, 65: 55, 87: 75}[parameters.number]
    first, ones = len(made) - omega - k, made[-1]
    assert 1 < made[-k] <= ones < omega
    twice, after, beyond = bytearray(made), bytearray(made), bytearray(made)
    twice[first + 1] = twice[first]
    after[first + ones] = 1
    beyond[-1] = omega + 1
    for changed in (twice, after, beyond):
        assert set_of_signature(bytes(changed)) is None


def test_no_signature_of_lms_is_as_long_as_what_mldsa_has():
    """So the length alone tells it from a signature or key of ML-DSA, whatever is in it."""
    plain = {signature_bytes(*pair): pair[0].public_key_bytes for pair in formed.PAIRS}
    most = max(each.signature_bytes for each in MLDSA_SETS)
    lengths = {size for size in plain if size <= most}
    hss = {4 + size for size in lengths}
    every = lengths | hss
    while hss := {
        above + key + size
        for above in hss
        for size in plain
        for key in (48, 56)
        if above + key + size <= most
    }:
        every |= hss
    assert len(every) > 50
    assert not every & {each.signature_bytes for each in MLDSA_SETS}
    assert not every & {each.public_bytes for each in MLDSA_SETS}


class TestPublished:
    """What others publish is what is written here."""

    def test_rfc_9802(self):
        """The key of its certificate, which is in the certificate byte by byte."""
        form, key = recognized_key(RFC_9802.encode())
        certificate = base64.b64decode("".join(RFC_9802.splitlines()[1:-1]))
        assert form == "certificate"
        assert write_key(key, "der") in certificate

    def test_caliptra(self):
        """Their PEM, byte by byte, and its 48 bytes."""
        form, key = recognized_key(CALIPTRA.encode())
        assert form == "caliptra"
        assert write_key(key, "caliptra").decode() == CALIPTRA
        assert write_key(key, "caliptra-raw") == base64.b64decode(CALIPTRA.split("-----")[2])[-48:]

    def test_rfc_8708(self):
        """A key with an OCTET STRING around it, of the two levels of RFC 8554 appendix F."""
        form, key = recognized_key(RFC_8708.encode())
        [case] = [case for case in cases("rfc") if case["source"].endswith("Test Case 2")]
        assert form == "der-8708"
        assert write_key(key, "der-8708") == base64.b64decode(RFC_8708.split("-----")[2])
        assert write_key(key, "hss").hex() == case["public_key"]

    @pytest.mark.parametrize("size", [60, 52])
    def test_lengths_and_headers(self, size):
        """The headers that verifiers compare byte by byte."""
        key = formed.key(formed.SMALL if size == 60 else formed.CALIPTRA)
        header = {60: "304e300d060b2a864886f70d0109100311033d00"}.get(
            size, "3046300d060b2a864886f70d0109100311033500"
        )
        encoded = write_key(key, "hss")
        assert len(encoded) == size
        assert write_key(key, "der") == bytes.fromhex(header) + encoded
        assert encoded == bytes([0, 0, 0, 1]) + write_key(key, "lms")

    def test_signatures_of_rfc_8554(self):
        """Two levels each: recognized, and written as they were."""
        for case in cases("rfc"):
            data = bytes.fromhex(case["signature"])
            form, made = recognized_signature(data)
            assert write_signature(made, form) == data

    def test_cose(self):
        """Labels and numbers of the registry: type 5 and algorithm -46; type 7 and -50."""
        key, other = formed.key(), formed.mldsa_key()
        assert (
            write_key(key, "cose").hex()
            == "a301050338 2d20583c".replace(" ", "") + write_key(key, "hss").hex()
        )
        assert (
            write_key(other, "cose").hex() == "a30107033831 20590a20".replace(" ", "") + other.hex()
        )


class TestNotOne:
    """What is no key, or not one alone."""

    @pytest.mark.parametrize("form", LMS_FORMS)
    def test_cut_off_at_every_byte(self, form):
        """Nothing that was cut off is taken for a key, but for what lacks the end of a line."""
        whole = write_key(formed.key(formed.CALIPTRA), form)
        for size in range(len(whole.rstrip())):
            assert refused(recognized_key, whole[:size]), size

    def test_a_signature_that_is_cut_off_at_every_byte(self):
        """It is none, and is said to begin like one."""
        whole = write_signature(formed.signature(formed.PAIRS[3]), "hss")
        for size in range(len(whole)):
            assert "this is not an" in refused(recognized_signature, whole[:size])

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (
                "00000005 00000004 00",
                "a damaged public key: a sha256_m32_h5 public key has 56 bytes",
            ),
            (
                "00000005 00000008 00",
                "a damaged public key: sha256_m32_h5 and sha256_n24_w8 differ",
            ),
            ("00000001 00000005 00000004 00", "a damaged public key: a sha256_m32_h5 public key"),
            ("000000ff 00000005 00000004 00", "not an LMS, HSS or ML-DSA public key"),
            ("00000001 00000005 00000024 00", "not an LMS, HSS or ML-DSA public key"),
            ("00000001 00000004 00000004 00", "not an LMS, HSS or ML-DSA public key"),
            ("00000005 00000024 00", "not an LMS, HSS or ML-DSA public key"),
            (
                "3013300d060b2a864886f70d0109100311030200 00",
                "a damaged public key: an LMS public key",
            ),
            (
                "3011300b0609608648016503040313030200 00",
                "a damaged public key: a public key of ML-DSA",
            ),
        ],
    )
    def test_what_begins_like_a_key(self, data, reason):
        """It is said what is wrong with it; nothing else is said to be a key."""
        assert refused(recognized_key, bytes.fromhex(data)).startswith(f"this is {reason}")

    def test_keys_of_other_algorithms(self):
        """They are said to be that, and not to be damaged."""
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        for encoding in (serialization.Encoding.DER, serialization.Encoding.PEM):
            said = refused(recognized_key, key.public_bytes(encoding, info))
            assert said == "this is a public key of another algorithm than LMS and ML-DSA"

    def test_cose_keys_that_are_not_taken(self):
        """Without a public key, of another type, algorithm or set; with a kid that is a number."""
        key, other = write_key(formed.key(), "hss"), formed.mldsa_key()
        for value, reason in [
            ({1: 5, 3: -46}, "a COSE_Key without its public key"),
            ({1: 5, -1: key[:-1]}, "a damaged COSE_Key: "),
            ({1: 7, 3: -49, -1: other}, "a COSE_Key of ML-DSA-65 with a key of another set"),
            ({1: 7, 3: -19, -1: bytes(32)}, "not an LMS"),
            ({1: 7, -1: other}, "not an LMS"),
            ({1: 2, -1: key}, "not an LMS"),
            ({1: 5, 2: 7, -1: key}, "a COSE_Key whose kid is 7, where there must be bytes"),
            ([1, 5], "not an LMS"),
        ]:
            assert refused(recognized_key, cbor.encoded(value)).startswith(f"this is {reason}")
        more = {-1: key, 1: 5, 2: b"kid", 4: [2]}
        assert recognized_key(cbor.encoded(more)).form == "cose"

    def test_a_document_of_a_signature_that_contradicts_itself(self):
        """It is refused, and says what of it."""
        data = write_signature(formed.signature(leaf=3), "json")
        for change, reason in [
            ((b'"leaf": 3', b'"leaf": 4'), "leaf 4"),
            ((b'"signature": "', b'"signature": "00'), "a damaged document of a signature"),
        ]:
            assert reason in refused(recognized_signature, data.replace(*change))

    def test_two_keys(self):
        """Nobody can say which one is meant."""
        both = write_key(formed.key(), "pem") + write_key(formed.key(), "pem")
        assert refused(recognized_key, both) == (
            "this holds 2 public keys; name a file that has one"
        )

    def test_a_signature_is_no_key(self):
        """It is said to be one."""
        data = write_signature(formed.signature(), "lms")
        assert refused(recognized_key, data) == "this is a signature, and not a public key"

    @given(st.binary(max_size=3000))
    @examples(200)
    def test_garbage(self, data):
        """Nothing but a sentence comes of it."""
        for read in (recognized_key, recognized_signature):
            with pytest.raises(FormError):
                read(data)

    def test_what_is_packed_too_tightly(self):
        """Sixteen MiB in sixteen KiB are not searched; the longest signature is read."""
        packed = gzip.compress(b"0" * (16 << 20))
        began = time.process_time()
        assert "not an LMS" in refused(recognized_key, packed)
        assert time.process_time() - began < 2
        longest = formed.signature(formed.PAIRS[formed.LONGEST], levels=8)
        data = write_signature(longest, "json")
        assert len(bytes_of(longest)) == 74_988
        assert recognized_signature(gzip.compress(data)).signature == longest

    def test_too_much(self):
        """It is not even looked at."""
        assert "more than 1048576 bytes" in refused(recognized_key, bytes((1 << 20) + 1))

    @pytest.mark.parametrize(
        ("form", "change", "reason"),
        [
            ("json", (b'"levels": 1', b'"levels": 9'), "levels"),
            ("json", (b'"levels": 1', b'"levels": true'), "levels"),
            ("json", (b"sha256_m32_h5", b"sha256_m32_h6"), "lmscode"),
            ("json", (b'"public_key": "', b'"public_key": "zz'), "hexadecimal"),
            ("cose", (b"\x38\x2d", b"\x38\x2e"), "algorithm"),
        ],
    )
    def test_what_contradicts_itself(self, form, change, reason):
        """A document that says of its key what is not so is refused, and says what."""
        data = write_key(formed.key(), form)
        changed = data.replace(*change)
        assert changed != data
        assert reason in refused(recognized_key, changed)


def test_a_signature_that_may_be_two():
    """It is not taken before one is named, in text neither."""
    data = formed.signature_of_two_readings()
    said = refused(recognized_signature, data)
    assert said == "this may be a signature in the form hss or lms; say which is meant"
    for form, levels in (("lms", 1), ("hss", 2)):
        found = recognized_signature(data, form)
        assert (found.form, found.signature.levels) == (form, levels)
        assert write_signature(found.signature, form) == data
    text = base64.b64encode(data)
    assert "in the form base64 or lms; say" in refused(recognized_signature, text)
    assert recognized_signature(text, "base64").signature.levels == 2


def test_a_form_that_it_is_not_in():
    """Who says one is told of the one that it is in."""
    key, made = formed.key(), formed.signature()
    sets = "of LMS, sha256_m32_h5 sha256_n32_w1"
    assert refused(recognized, write_key(key, "hss"), "der") == (
        f"this is a public key {sets}, as hss, and not der"
    )
    assert refused(recognized, write_signature(made, "lms"), "hss") == (
        f"this is a signature {sets}, leaf 0, as lms, and not hss"
    )
    for form in LMS_FORMS:
        data = write_key(formed.key(formed.CALIPTRA), form)
        assert recognized(data, form).form == SAME.get(form, form)
    for form in ("lms", "hss", "base64", "json"):
        assert recognized(write_signature(made, form), form).form == form


def test_texts_go_to_a_terminal():
    """Those that say so are text."""
    key, made = formed.key(formed.CALIPTRA), formed.signature()
    for form in KEY_FORMS.values():
        if "LMS" in form.algorithms:
            assert form.write(key).isascii() == form.is_text
    for form in SIGNATURE_FORMS.values():
        if "LMS" in form.algorithms:
            assert form.write(made).isascii() == form.is_text


def test_hexadecimal_and_base64_of_a_key():
    """Text of the bytes of a form is in that form."""
    key = formed.key()
    for form in ("lms", "hss", "der"):
        data = write_key(key, form)
        for text in (data.hex(), data.hex(":").upper(), base64.b64encode(data).decode()):
            assert recognized_key(text.encode()) == (form, key)


LONG = {
    "blocks": (
        b"-----BEGIN A-----\nMAA=\n-----END A-----\n" * 24000,
        "this has more than 1000 blocks of PEM; name a file with one",
    ),
    "digits": (b"30" * (1 << 19), NEITHER),
    "pairs": (b"a1 " * 340_000, NEITHER),
    "elements": (b"\x30\x00" * (1 << 17), NEITHER),
    "inner": (element(SEQUENCE, b"\x30\x00" * ((1 << 17) - 4)), NEITHER),
}


@pytest.mark.parametrize("kind", LONG)
def test_what_is_long_and_nothing_is_refused_with_little_work(kind, monkeypatch):
    """However many blocks, digits or elements there are, few are looked at."""
    data, sentence = LONG[kind]
    looked_at = []
    real = der._span
    monkeypatch.setattr(der, "_span", lambda *at: looked_at.append(at[1]) or real(*at))
    assert refused(recognized, data) == sentence
    assert len(looked_at) < 2000


def test_a_file_with_the_certificates_that_a_system_trusts_is_looked_through():
    """A key among 150 blocks is found."""
    key = formed.key(formed.CALIPTRA)
    others = b"-----BEGIN A-----\nMAA=\n-----END A-----\n" * 150
    assert recognized_key(others + write_key(key, "pem")).key == key

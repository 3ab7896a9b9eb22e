"""Public keys as others publish them: seemachine audit reads DER and PEM, strictly."""

import base64

import pytest
from audit.piles import SETS, key, public, sign
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from vectors.published import cases

from seemachine.audit.recognizing import recognize
from seemachine.encodings import der
from seemachine.encodings.der import DerError
from seemachine.encodings.keyforms import HSS_LMS, certificate, subject_public_key
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError

RFC_9802, CALIPTRA, RFC_8708 = (case["pem"] for case in cases("published_keys"))
RSA = bytes.fromhex("2a864886f70d010101")


def tlv(tag, *contents):
    """An element of DER."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*contents):
    """A SEQUENCE."""
    return tlv(der.SEQUENCE, *contents)


def algorithm(identifier=HSS_LMS, *parameters):
    """An AlgorithmIdentifier."""
    return sequence(tlv(der.OBJECT_IDENTIFIER, identifier), *parameters)


def bits(data):
    """A BIT STRING of whole bytes."""
    return tlv(der.BIT_STRING, b"\0", data)


def spki(data, identifier=HSS_LMS):
    """A SubjectPublicKeyInfo."""
    return sequence(algorithm(identifier), bits(data))


def tbs(info, version=b"\xa0\x03\x02\x01\x02", identifier=HSS_LMS):
    """What a certificate's signature is over, with nothing in its names."""
    dates = sequence(tlv(0x17, b"260101000000Z"), tlv(0x17, b"360101000000Z"))
    by = algorithm(identifier)
    return sequence(version, tlv(2, b"\1"), by, sequence(), dates, sequence(), info)


def signed_certificate(info, private, leaf=0, **more):
    """A certificate whose issuer is a plain LMS key."""
    body = tbs(info, **more)
    return sequence(body, algorithm(), bits(bytes(4) + sign(private, leaf, body)))


def block(data, label="PUBLIC KEY"):
    """A block of PEM."""
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def content(pem):
    """The bytes of a block of PEM."""
    return base64.b64decode("".join(pem.splitlines()[1:-1]))


HSS1 = b"\0\0\0\1" + public(key())
KEYS = {
    "RFC 9802": lambda made: spki(b"\0\0\0\1" + made),
    "RFC 8708": lambda made: spki(tlv(der.OCTET_STRING, b"\0\0\0\1" + made)),
    "Caliptra": spki,
    "Bouncy Castle 1.72": lambda made: spki(tlv(der.OCTET_STRING, made)),
    "X.509": lambda made: signed_certificate(spki(b"\0\0\0\1" + made), key(), 9),
    "X.509 version 1": lambda made: signed_certificate(spki(made), key(), 9, version=b""),
}


WRAPS = {"DER": bytes, "PEM": block, "colons": lambda data: data.hex(":").encode()}


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("form", KEYS)
def test_every_form(pile, form, wrap):
    """A key in each form is known, so the signature beside it is verified."""
    pile.put("key", WRAPS[wrap](KEYS[form](public(key()))))
    pile.signed("m", key(), 0, b"m")
    verdict = pile.judged()

    assert (verdict.code, verdict.kinds()) in ((0, {}), (0, {"gap": 1}))
    assert verdict.document["keys"] == 1
    assert verdict.document["verified"] == (2 if form.startswith("X.509") else 1)


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
def test_every_family(names):
    """Keys of 48 and of 56 bytes, with each hash."""
    made = HssPublicKey(1, HssPublicKey.decode(b"\0\0\0\1" + public(key(names))).key)

    assert subject_public_key(spki(made.encode())) == made


class TestPublished:
    """Keys that others published."""

    def test_the_certificate_of_rfc_9802(self, pile):
        """It is self-signed: its key and its signature are read, and the signature verifies."""
        pile.put("cert.pem", RFC_9802.encode())
        verdict = pile.judged()

        assert (verdict.code, verdict.document["findings"]) == (0, [])
        assert (verdict.document["verified"], verdict.document["keys"]) == (1, 1)

    def test_a_bit_that_fell_over_in_it(self, pile):
        """Wherever it was, the certificate is bad or unread."""
        made = content(RFC_9802)
        for bit in range(0, 8 * len(made), 331):
            changed = bytearray(made)
            changed[bit // 8] ^= 1 << bit % 8
            pile.put("cert.der", bytes(changed))
            assert pile.judged().code in (1, 2), bit

    def test_the_key_of_caliptra(self):
        """A plain key of 48 bytes without the number of levels: one level."""
        found = subject_public_key(content(CALIPTRA))

        assert found.levels == 1
        assert (found.key.tree.name, found.key.ots.name) == ("sha256_m24_h15", "sha256_n24_w4")

    def test_the_key_of_rfc_8554(self, pile):
        """With the OCTET STRING around it; the second signature of appendix F verifies with it."""
        [case] = [case for case in cases("rfc") if case["source"].endswith("Test Case 2")]
        pile.put("key.pem", RFC_8708.encode())
        pile.put("m", bytes.fromhex(case["message"]))
        pile.put("m.sig", case["signature"].encode())

        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 2)


class TestCertificates:
    """What a certificate proves, besides its key."""

    def test_a_leaf_that_signed_two_certificates(self, pile):
        """It is reuse, without any message being named."""
        for number in (0, 1):
            info = spki(b"\0\0\0\1" + public(key(number=number)))
            pile.put(f"{number}.pem", block(signed_certificate(info, key(), 5), "CERTIFICATE"))

        assert (pile.judged().code, pile.judged().kinds()["reuse"]) == (1, 1)

    def test_an_issuer_that_is_not_here(self, pile):
        """Its signature is not verified; asked for reuse alone that is not a gap."""
        pile.put("cert", signed_certificate(spki(HSS1), key(SETS[1])))
        assert (pile.judged().code, pile.judged().kinds()) == (2, {"unread": 1})
        assert pile.judged("--reuse-only").code == 0

    def test_an_issuer_of_another_algorithm(self, pile):
        """Only the key is ours."""
        body = tbs(spki(HSS1), identifier=RSA)
        pile.put("cert", sequence(body, algorithm(RSA), bits(bytes(256))))
        pile.signed("m", key(), 0, b"m")

        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)

    def test_several_in_one_file(self, pile):
        """Each block counts, and those of others are other files."""
        chain = [signed_certificate(spki(HSS1), key()), spki(bytes(270), RSA)]
        pile.put("chain.pem", b"".join(block(each, "CERTIFICATE") for each in chain))

        assert (pile.judged().code, pile.judged().document["verified"]) == (0, 1)


def unread_forms():
    """Files that name HSS/LMS and hold no key."""
    right = spki(HSS1)
    request = sequence(tlv(2, b"\0"), sequence(), right, tlv(0xA0))
    cut = bytes(4) + sign(key(), 0, b"m")[:-1]
    keyless = sequence(tlv(2, b"\1"), algorithm(), sequence(), sequence(), sequence())
    return {
        "cut": right[:-1],
        "longer": right + b"\0",
        "a key that is too short": spki(HSS1[:-1]),
        "a key that is too long": spki(HSS1 + b"\0"),
        "nine levels": spki(b"\0\0\0\x09" + HSS1[4:]),
        "an unknown set": spki(HSS1[:4] + b"\0\0\0\x63" + HSS1[8:]),
        "parameters": sequence(algorithm(HSS_LMS, tlv(5)), bits(HSS1)),
        "unused bits": sequence(algorithm(), tlv(der.BIT_STRING, b"\1", HSS1)),
        "a length that is too long": b"\x30\x81" + right[1:],
        "an OCTET STRING with more behind": spki(tlv(der.OCTET_STRING, HSS1) + b"\0"),
        "an empty key": spki(b""),
        "signed data": sequence(tlv(der.OBJECT_IDENTIFIER, b"\x2a"), sequence(algorithm())),
        "a request for a certificate": sequence(request, algorithm(), bits(cut)),
        "a certificate of two algorithms": sequence(tbs(right), algorithm(RSA), bits(bytes(256))),
        "a certificate without anything": sequence(sequence(), algorithm(), bits(cut)),
        "a certificate without a key": sequence(keyless, algorithm(), bits(cut)),
        "a certificate with a cut signature": sequence(tbs(right), algorithm(), bits(cut)),
        "half of its PEM": block(right)[:-60],
    }


@pytest.mark.parametrize("name", unread_forms())
def test_what_names_hss_and_holds_no_key(pile, name):
    """It is unread, never some other file."""
    pile.put("key.pub", public(key()))
    pile.signed("good", key(), 0, b"good")
    pile.put("k", unread_forms()[name])
    verdict = pile.judged()

    assert (verdict.code, verdict.kinds()) == (2, {"unread": 1})


OF_OTHERS = [
    spki(bytes(270), RSA),
    sequence(tbs(spki(bytes(9), RSA), identifier=RSA), algorithm(RSA), bits(b"")),
]


@pytest.mark.parametrize("data", OF_OTHERS)
def test_keys_of_other_algorithms_are_other_files(pile, data):
    """RSA keys and certificates lie beside ours and say nothing."""
    pile.put("key.pub", public(key()))
    pile.signed("good", key(), 0, b"good")
    path = pile.put("k", data)
    verdict = pile.judged()

    assert (verdict.code, str(path) in verdict.document["unknown"]) == (0, True)


class TestDer:
    """der.py: the shortest form, whole, or an error of its own."""

    @pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
    def test_lengths(self, size):
        """Short and long lengths are read in their shortest form."""
        element = der.only(tlv(4, bytes(size)))

        assert (element.tag, len(element.content)) == (4, size)

    @pytest.mark.parametrize(
        "encoded",
        [
            "", "30", "3080", "3080" + "00" * 128, "3180" + "00" * 200, "30800000", "308100",
            "30817f", "3082", "308200ff", "30820080",
            "3085000000000100", "30850000000001", "3005000000", "1f0100", "30ff", "0400 0400", "04",
            "0401", "048180", "04 82 0100" + "00" * 255, "0484", "04ff" + "ff" * 126,
        ],
    )  # fmt: skip
    def test_what_is_no_der(self, encoded):
        """Indefinite, overlong, cut and doubled ones are refused."""
        with pytest.raises(DerError):
            der.only(bytes.fromhex(encoded) + bytes(127 if encoded == "30817f" else 0))

    def test_tags(self):
        """X.690 gives them these numbers."""
        tags = der.BIT_STRING, der.OCTET_STRING, der.OBJECT_IDENTIFIER, der.SEQUENCE
        assert tags == (0x03, 0x04, 0x06, 0x30)

    def test_other_tags_and_bits(self):
        """Another tag than expected, and a bit string that is not whole bytes, are refused."""
        with pytest.raises(DerError, match="tag 0x04, where 0x30 is expected"):
            der.only(tlv(4)).expect(der.SEQUENCE)
        for data in (b"", b"\1\0"):
            with pytest.raises(DerError):
                der.only(tlv(der.BIT_STRING, data)).octets()
        assert der.only(bits(b"abc")).octets() == b"abc"

    @given(data=st.binary(max_size=100) | st.binary(max_size=300).map(sequence))
    @examples(200)
    def test_any_bytes(self, data):
        """Elements that join to the same bytes again, or a DerError."""
        try:
            element = der.only(data)
            assert element.encoded == data
            assert b"".join(inner.encoded for inner in element.inner()) == element.content
        except DerError:
            pass


SEEDS = [spki(HSS1), signed_certificate(spki(HSS1), key(), 3), spki(tlv(der.OCTET_STRING, HSS1))]


@given(data=st.data())
@examples(200)
def test_nothing_else_is_raised(data):
    """A key or certificate with some bytes changed: read, or one of the two documented errors."""
    changed = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    for read in (subject_public_key, certificate):
        for encoded in (bytes(changed), cut):
            try:
                read(encoded)
            except (DerError, ParameterError):
                continue
    recognize(cut)

"""Messages that a verifier must not believe, and bytes that must not harm it."""

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.flips import flipped_at
from kit.message_keys import LmsSigner, MldsaSigner, certificate
from pyasn1_modules import rfc5652

from seemachine.cms import attributes, certificates, reading, signing, verifying
from seemachine.cms.certificates import Certificate
from seemachine.cms.errors import CmsError
from seemachine.cms.signing import Terms
from seemachine.cms.structures import SignedData, decoded, encoded
from seemachine.wire.status import StatusError

CONTENT = b"firmware 1.0"
MOMENT = dt.datetime(2026, 11, 29, 20, 30, tzinfo=dt.UTC)
SHA1 = "1.3.14.3.2.26"


@pytest.fixture(scope="module")
def message(lms: LmsSigner) -> bytes:
    """One with signed attributes, attached."""
    prepared = signing.prepare(lms.key, CONTENT, Terms(True, moment=MOMENT, by_key=True))
    return prepared.finished(lms.sign(prepared.to_sign))


@pytest.fixture(scope="module")
def bare(lms: LmsSigner) -> bytes:
    """One without, attached."""
    terms = Terms(True, signed_attributes=False, by_key=True)
    prepared = signing.prepare(lms.key, CONTENT, terms)
    return prepared.finished(lms.sign(prepared.to_sign))


def changed(message: bytes, change: Callable[[Any], None]) -> bytes:
    """A message after a change to its SignedData."""
    outer = decoded(message, rfc5652.ContentInfo(), "")
    inner = decoded(bytes(outer["content"]), SignedData(), "")
    change(inner)
    made = rfc5652.ContentInfo()
    made["contentType"] = outer["contentType"]
    made["content"] = encoded(inner)
    return encoded(made)


def judged(lms: LmsSigner, data: bytes) -> None:
    """Verify one that has its content in it."""
    verifying.verify(reading.read(data), lms.key)


@dataclass(frozen=True)
class Certified:
    """A key, its certificate, and a message with that."""

    signer: LmsSigner
    own: Certificate
    message: bytes

    def made(self, **terms: Any) -> bytes:
        """Another message."""
        prepared = signing.prepare(self.signer.key, CONTENT, Terms(True, **terms), self.own)
        return prepared.finished(self.signer.sign(prepared.to_sign))


@pytest.fixture(scope="module")
def certified() -> Certified:
    """Attached, with signed attributes."""
    signer = LmsSigner.made()
    bare_one = Certified(signer, certificates.read(certificate(signer)), b"")
    return replace(bare_one, message=bare_one.made(moment=MOMENT))


def test_no_flipped_bit_is_believed(certified: Certified) -> None:
    """Of any byte beside the certificate but the version of the whole, which says nothing, and tags
    that BER may have in two ways; where a message still verifies, it says the same.

    Each third byte has another bit flipped; all bits of all bytes take half a minute.
    """
    message = certified.message
    good, believed = reading.read(message), set()
    own, signature = (
        message.index(each) for each in (certified.own.data, good.signers[0].signature)
    )
    places = [*range(own), *range(own + len(certified.own.data), signature)]
    for place in [*places[::3], *range(signature, len(message), 97)]:
        with contextlib.suppress(CmsError, StatusError):
            read = reading.read(flipped_at(message, place, place % 8))
            verifying.verify(read, certified.signer.key)
            believed.add(place)
            assert (read.content, read.signers) == (good.content, good.signers)
    version = message.index(b"\x02\x01\x01\x31") + 2
    assert believed <= {version, *(place for place in places if message[place] == 0xA0)}


@pytest.mark.parametrize("name", [b"K" * 20, b"\x02\x02\x12\x34"])
def test_no_flipped_bit_of_a_name_is_believed(certified: Certified, name: bytes) -> None:
    """Where the certificate of the key is in the message, it is the one that the signer is named
    by: the identifier of the key, or issuer and serial number.
    """
    message = certified.made(by_key=len(name) == 20)
    judged(certified.signer, message)
    place = message.rindex(name)
    for each in (place + 2, place + len(name) - 1):
        with pytest.raises(CmsError, match="it names another signer than the one whose"):
            judged(certified.signer, flipped_at(message, each))


def test_certificates_that_can_not_be_read_are_nobodys(certified: Certified) -> None:
    """Damaged ones, and those of keys of others; a message has a hundred at most."""
    strange = (b"\x30\x00", certificate(MldsaSigner.made(44), serial=0x77))
    judged(certified.signer, certified.made(others=strange, with_certificate=False))
    message = certified.made(others=strange)
    judged(certified.signer, message)
    # Each another one: they are a set.
    many = [bytes([0x30, 4, 4, 2, number, 0]) for number in range(100)]
    with pytest.raises(CmsError, match="it has more than 100 certificates"):
        judged(certified.signer, changed(message, lambda s: s["certificates"].extend(many)))


@pytest.mark.parametrize(
    ("old", "new"),
    [("03020780", "03810107"), ("310f300d06035504030c067369676e6572", "3100" * 7 + "318100")],
)
def test_certificates_that_the_library_only_half_reads(
    certified: Certified, old: str, new: str
) -> None:
    """A key usage of fewer bits than none, and an issuer whose name has empty parts."""
    good, bad, empty = certified.own.data, bytes.fromhex(new), bytes.fromhex(old)
    assert empty in good
    with pytest.raises(CmsError):
        certificates.read(good.replace(empty, bad, 1))
    message = certified.message
    place = message.rindex(empty)
    assert place > message.index(good)
    with contextlib.suppress(CmsError, StatusError):
        judged(certified.signer, message[:place] + bad + message[place + len(bad) :])


def test_signers_are_not_looked_at_without_end(certified: Certified) -> None:
    """A message has sixteen at most."""

    def crowded(signed: Any) -> None:
        for number in range(16):
            more = decoded(encoded(signed["signerInfos"][0]), rfc5652.SignerInfo(), "")
            more["signature"] = bytes([number])
            signed["signerInfos"].append(more)

    with pytest.raises(CmsError, match="it has more than 16 signers"):
        judged(certified.signer, changed(certified.message, crowded))


def test_attributes_are_not_the_content_of_another_message(lms: LmsSigner, message: bytes) -> None:
    """Whoever takes them off and calls them the content has a signature that verifies over it; it
    is refused, and nobody can have such a content signed.
    """
    [info] = reading.read(message).signers
    assert info.attributes is not None
    forged = _without_attributes(message, info.attributes.signed)
    assert reading.read(forged).signers[0].attributes is None
    with pytest.raises(CmsError, match="its content is a set of signed attributes"):
        judged(lms, forged)
    terms = Terms(signed_attributes=False, by_key=True)
    with pytest.raises(CmsError, match="sign it with signed attributes"):
        signing.prepare(lms.key, info.attributes.signed, terms)
    signing.prepare(lms.key, info.attributes.signed, Terms(by_key=True))


def _without_attributes(message: bytes, content: bytes) -> bytes:
    def change(signed: Any) -> None:
        old = signed["signerInfos"][0]
        made = rfc5652.SignerInfo()
        for name in ("version", "sid", "digestAlgorithm", "signatureAlgorithm", "signature"):
            made[name] = old[name]
        signed["encapContentInfo"]["eContent"] = content
        signed["signerInfos"].clear()
        signed["signerInfos"].append(made)

    return changed(message, change)


def test_a_content_that_is_not_plain_data_without_attributes(lms: LmsSigner, bare: bytes) -> None:
    """Nothing would say that its type is the one that was signed (RFC 5652 5.3)."""
    judged(lms, bare)
    other = changed(bare, lambda s: s["encapContentInfo"].__setitem__("eContentType", "1.2.3"))
    with pytest.raises(CmsError, match="is not plain data, and it has no signed attributes"):
        judged(lms, other)


def test_long_contents_that_begin_like_attributes() -> None:
    """They are not parsed; a text that begins with the same character is none."""
    beyond = attributes.LONGEST + 1
    assert attributes.is_set_of_attributes(b"\x31\x84" + bytes(beyond))
    assert not attributes.is_set_of_attributes(b"1" * beyond)
    assert not attributes.is_set_of_attributes(b"")
    assert not attributes.is_set_of_attributes(b"\x31\x00")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: _info(s).__setitem__("version", 1), "in another way than its version says"),
        (
            lambda s: s["digestAlgorithms"][0].__setitem__("algorithm", SHA1),
            "the hash of its signer, sha256, is not among those it lists",
        ),
    ],
)
def test_what_contradicts_itself_without_attributes(
    lms: LmsSigner, bare: bytes, change: Callable[[Any], None], sentence: str
) -> None:
    """Nothing of it is signed, and all of it is looked at."""
    with pytest.raises(CmsError, match=sentence):
        judged(lms, changed(bare, change))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s["encapContentInfo"].__setitem__("eContentType", "1.2.3"), "another type"),
        (lambda s: _rehash(s, SHA1), "other algorithms"),
        (lambda s: _info(s)["signatureAlgorithm"].__setitem__("algorithm", "1.2.3"), "none of its"),
        (
            lambda s: _info(s)["signatureAlgorithm"].__setitem__("parameters", b"\x05\x00"),
            "has parameters",
        ),
        (lambda s: s["signerInfos"].clear(), "there is no signer"),
        (lambda s: _attributes(s).append(_attributes(s)[0]), "more than once"),
        (lambda s: _attributes(s)[0]["attrValues"].extend([b"\x05\x00"]), "more than once"),
    ],
)
def test_what_contradicts_the_signed_attributes(
    lms: LmsSigner, message: bytes, change: Callable[[Any], None], sentence: str
) -> None:
    """Type of content, algorithms, attributes twice: each with its sentence."""
    with pytest.raises(CmsError, match=sentence):
        judged(lms, changed(message, change))


def _rehash(signed: Any, identifier: str) -> None:
    """Say that it was another hash, where messages do."""
    for place in (signed["digestAlgorithms"][0], _info(signed)["digestAlgorithm"]):
        place["algorithm"] = identifier


def _info(signed: Any) -> Any:
    return signed["signerInfos"][0]


def _attributes(signed: Any) -> Any:
    return _info(signed)["signedAttrs"]


def test_a_hash_that_is_not_taken(lms: LmsSigner) -> None:
    """SHA-1, where no attribute says that it was another."""
    key = lms.key
    made = rfc5652.SignedAttributes()
    full = attributes.attributes(key, signing.DATA, "sha256", bytes(20), None)
    made.extend(each for each in full if str(each["attrType"]) != attributes.PROTECTION)
    prepared = signing.prepare(key, CONTENT, Terms(True, by_key=True))
    data = changed(
        prepared.finished(bytes(lms.sign(encoded(made)))),
        lambda s: (_attributes(s).clear(), _attributes(s).extend(made), _rehash(s, SHA1)),
    )
    with pytest.raises(CmsError, match=r"its hash 1\.3\.14\.3\.2\.26 is not one of sha256"):
        judged(lms, data)


def test_content_here_and_there(lms: LmsSigner, message: bytes) -> None:
    """Named for a message that has its own, or for none that has not."""
    with pytest.raises(CmsError, match="it has its content in it"):
        verifying.verify(reading.read(message), lms.key, CONTENT)
    detached = changed(message, _drop_content)
    with pytest.raises(CmsError, match="it is detached"):
        judged(lms, detached)
    verifying.verify(reading.read(detached), lms.key, CONTENT)


def _drop_content(signed: Any) -> None:
    made = rfc5652.EncapsulatedContentInfo()
    made["eContentType"] = signed["encapContentInfo"]["eContentType"]
    signed["encapContentInfo"] = made


def test_another_key(lms: LmsSigner, mldsa: MldsaSigner, message: bytes) -> None:
    """Of the same set: it does not verify. Of another algorithm: no signer has it."""
    other = LmsSigner.made()
    with pytest.raises(StatusError):
        judged(other, message)
    with pytest.raises(CmsError, match="none of its signers has the algorithm of the key"):
        verifying.verify(reading.read(message), mldsa.key)


def test_one_of_several_signers(lms: LmsSigner, message: bytes) -> None:
    """Any of them may be the one; if none is, the first refusal is told."""
    other = LmsSigner.made()
    prepared = signing.prepare(other.key, CONTENT, Terms(True, moment=MOMENT, by_key=True))
    second = prepared.finished(other.sign(prepared.to_sign))
    [theirs] = decoded(
        bytes(decoded(second, rfc5652.ContentInfo(), "")["content"]), SignedData(), ""
    )["signerInfos"]
    both = changed(message, lambda s: s["signerInfos"].append(theirs))
    judged(lms, both)
    judged(other, both)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x30",
        b"\x30\x80" * 2000,
        b"\x30\x84\xff\xff\xff\xff",
        b"-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n",
    ],
)
def test_bytes_that_are_no_message(data: bytes) -> None:
    """Each is refused with a sentence, however deep it goes."""
    with pytest.raises(CmsError):
        reading.read(data)


def test_what_is_after_a_message(lms: LmsSigner, message: bytes) -> None:
    """Nothing may be."""
    with pytest.raises(CmsError, match="1 bytes follow"):
        reading.read(message + b"\0")


@settings(max_examples=40)
@given(st.data())
def test_damaged_messages_are_refused_in_a_sentence(message: bytes, data: st.DataObject) -> None:
    """Cut, doubled or overwritten anywhere: nothing but the refusals of the room comes out."""
    start = data.draw(st.integers(0, len(message) - 1))
    damage = data.draw(st.binary(max_size=8))
    kept = data.draw(st.integers(0, 8))
    broken = message[:start] + damage + message[start + kept :]
    try:
        reading.read(broken)
    except CmsError as error:
        assert str(error)

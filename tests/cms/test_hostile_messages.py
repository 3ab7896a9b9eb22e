"""Messages that a verifier must not believe, and bytes that must not harm it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.message_keys import LmsSigner, MldsaSigner
from pyasn1_modules import rfc5652

from seemachine.cms import attributes, reading, signing, verifying
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


def test_no_flipped_bit_is_believed(lms: LmsSigner, message: bytes) -> None:
    """Of any byte but those of the names by which the signer is found; where a message still
    verifies, it says the same.
    """
    unlike = 0
    for place in range(0, len(message), 29):
        data = bytearray(message)
        data[place] ^= 1
        try:
            read = reading.read(bytes(data))
            verifying.verify(read, lms.key)
        except (CmsError, StatusError):
            unlike += 1
            continue
        assert read.content == CONTENT
        assert read.signers[0].attributes == reading.read(message).signers[0].attributes
    assert unlike > len(message) // 29 * 9 // 10


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
        (lambda s: s["encapContentInfo"].__setitem__("eContentType", "1.2.3"), "another type"),
        (lambda s: _info(s)["digestAlgorithm"].__setitem__("algorithm", SHA1), "other algorithms"),
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
        lambda s: (
            _attributes(s).clear(),
            _attributes(s).extend(made),
            _info(s)["digestAlgorithm"].__setitem__("algorithm", SHA1),
        ),
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

"""COSE_Sign1 of ours, published ones made again byte for byte, and what is not believed."""

import hashlib
from itertools import product
from typing import Any

import pytest
from dilithium_py import ml_dsa
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.flips import flipped_at
from kit.message_keys import LmsSigner, MldsaSigner
from kit.signatures import finish, forced

from seemachine.cose import headers, sign1, verifying
from seemachine.cose.errors import CoseError
from seemachine.cose.sign1 import Terms
from seemachine.encodings import cbor
from seemachine.encodings.cbor import Tagged
from seemachine.lms import engines
from seemachine.lms.generation import Generation
from seemachine.lms.hashing import message_digest
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.lease import build_page, page_of
from seemachine.lms.parameters import lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.wire.status import StatusError

PAYLOAD = b"This is the content."
PLAIN = Terms()
# RFC 8778 A.2: identifier and seed of the key, C of the signature, and what is published.
IDENTIFIER = bytes.fromhex("d08fabd4a2091ff0a8cb4ed834e74534")
SEED = bytes.fromhex("558b8966c48ae9cb898b423c83443aae014a72f1b1ab5cc85cf1d892903b5439")
RANDOMIZER = bytes.fromhex("91291de76ce6e24d1e2a9b60266519bc8ce889f814deb0fc00edd3129de3ab9b")
KEY_ID = b"ItsBig"
PUBLIC_KEY = (
    "000000010000000600000003d08fabd4a2091ff0a8cb4ed834e74534"
    "32a58885cd9ba0431235466bff9651c6c92124404d45fa53cf161c28f1ad5a8e"
)
PUBLISHED = "844cbc2d861ba63e339dc7e50f54b4280b246bd9229fc38d45341740e069d24e"
# RFC 9964 A: a seed of zeros, deterministic signatures; identifiers of the keys are signed.
GREETING = b"hello post quantum signatures"
MLDSA_PUBLISHED = {
    44: (
        "b8969ab4b37da9f0684e42647eb8a0be8b5b661ebf5d76f0583bf5b8d3a8059a",
        "662dd8373250badecbbf5f637791cdc81773277cea5b6d237d6a8c1c9a09505c",
    ),
    65: (
        "b788acf242f1f1d6532926d816e76e1636874267f2a48c84c4e65789ab80cc02",
        "9668576da54152cc578b740106d17e4ada88fb3a28471fd3296c22e606c86812",
    ),
    87: (
        "d9bc439f97bd6d4093e68f0f3fcf09c9a97adf888ed7308dd565247a166cb4fa",
        "206ce0b57b39dfc1e688ed5a89bd19ca4b8cebb52acc82c3dfd6c86c0de760fa",
    ),
}
UNSIGNED = cbor.encoded(Tagged(sign1.TAG, [cbor.encoded({1: -46}), {}, PAYLOAD, b""]))


@pytest.fixture(scope="module")
def signer() -> LmsSigner:
    """SHA-256 with 32 bytes."""
    return LmsSigner.made()


def made(signer: LmsSigner | MldsaSigner, terms: Terms = PLAIN) -> bytes:
    """A message."""
    prepared = sign1.prepare(signer.key, PAYLOAD, terms)
    return prepared.finished(signer.sign(prepared.to_sign))


def test_the_published_message_of_rfc_8778() -> None:
    """From its seed and its C the same bytes come out, and they verify."""
    engine, tree, ots = engines.select(), lms("sha256_m32_h10"), lmots("sha256_n32_w4")
    generation = Generation(tree, ots, Sectors(10, 0, 0), 10, 10, forced(IDENTIFIER, SEED))
    finish(engine, generation)
    key, lease = HssPublicKey(1, generation.public_key), generation.lease(0)
    assert key.encode().hex() == PUBLIC_KEY
    prepared = sign1.prepare(key, PAYLOAD, Terms(key_id=KEY_ID))
    digest = message_digest(ots, IDENTIFIER, 0, RANDOMIZER, prepared.to_sign)
    [chains] = engine.sign(ots, [lease.job(0, digest)])
    page = build_page(engine, lease, page_of(lease, 0, None), None)
    message = prepared.finished(lease.assemble(page, 0, chains, RANDOMIZER))
    assert hashlib.sha256(message).hexdigest() == PUBLISHED
    verifying.verify(sign1.read(message), key)


@pytest.mark.parametrize("number", MLDSA_PUBLISHED)
def test_the_published_messages_of_rfc_9964(number: int) -> None:
    """The same of each set of ML-DSA."""
    scheme = getattr(ml_dsa, f"ML_DSA_{number}")
    key, private = scheme.key_derive(bytes(32))
    identifier, published = MLDSA_PUBLISHED[number]
    named = {
        headers.ALGORITHM: headers.algorithm_of(key),
        headers.KEY_ID: bytes.fromhex(identifier),
    }
    protected = headers.protected_of(named)
    signed = headers.to_be_signed(protected, b"", GREETING)
    signature = scheme.sign(private, signed, deterministic=True)
    message = cbor.encoded(Tagged(sign1.TAG, [protected, {}, GREETING, signature]))
    assert hashlib.sha256(message).hexdigest() == published
    verifying.verify(sign1.read(message), key)


@pytest.mark.parametrize(
    "terms",
    [
        PLAIN,
        Terms(detached=True, tagged=False),
        Terms(external=b"device 7", key_id=b"k", content_type="text/plain"),
        Terms(content_type=0),
    ],
)
def test_a_message_verifies(signer: LmsSigner, terms: Terms) -> None:
    """With what belongs to it, and with nothing else."""
    message = sign1.read(made(signer, terms))
    payload = PAYLOAD if terms.detached else None
    assert message.payload == (None if terms.detached else PAYLOAD)
    assert message.content_type == message.headers.get(3) == terms.content_type
    verifying.verify(message, signer.key, payload, terms.external)
    with pytest.raises(StatusError):
        verifying.verify(message, signer.key, payload, terms.external + b".")
    if terms.detached:
        with pytest.raises(StatusError):
            verifying.verify(message, signer.key, PAYLOAD + b".")


def test_ml_dsa() -> None:
    """Its number is that of its set."""
    signer = MldsaSigner.made(87)
    message = sign1.read(made(signer))
    assert message.headers == {1: -50}
    verifying.verify(message, signer.key)


def test_every_bit_counts(signer: LmsSigner) -> None:
    """With one flipped no message verifies; but what names its key is not signed."""
    message = made(signer, Terms(key_id=b"key", content_type=42))
    name = b"\xa1\x04\x43key"
    begin = message.index(name)
    unsigned = range(begin, begin + len(name))
    signature = message.index(PAYLOAD) + len(PAYLOAD) + 3
    places = [*range(signature), *range(signature, len(message), 29)]
    for place, bit in product(places, range(8)):
        if place in unsigned:
            continue
        with pytest.raises((CoseError, StatusError)):
            verifying.verify(sign1.read(flipped_at(message, place, bit)), signer.key)


def test_a_content_type_of_others() -> None:
    """One that is signed, and that is a number or a text."""
    for signed, unsigned in (({3: [1]}, {}), ({3: True}, {}), ({}, {3: 1})):
        parts = [cbor.encoded({1: -46, **signed}), unsigned, PAYLOAD, b""]
        assert sign1.read(cbor.encoded(parts)).content_type is None


def changed(message: bytes, place: int, value: Any) -> bytes:
    """A message with another one of its four parts."""
    parts = list(cbor.decoded(message).value)
    parts[place] = value
    return cbor.encoded(Tagged(sign1.TAG, parts))


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (0, cbor.encoded({1: -7}), "its algorithm is -7, that of the key -46"),
        (0, cbor.encoded({1: -48}), "its algorithm is -48"),
        (0, b"", "not among the signed headers"),
        (0, cbor.encoded({1: -46, 2: [9], 9: 0}), "critical headers"),
        (0, cbor.encoded([1]), "are not a map"),
        (0, b"\xff", "can't be read"),
        (0, {1: -46}, "headers are not where they belong"),
        (1, {1: -46}, "the header 1 both signed and not"),
        (1, {2: [1]}, "critical headers"),
        (2, "text", "payload and signature"),
        (2, None, "it is detached"),
        (3, None, "payload and signature"),
    ],
)
def test_what_is_refused_in_a_message(
    signer: LmsSigner, place: int, value: Any, sentence: str
) -> None:
    """Before a signature is looked at, each with its sentence."""
    message = changed(UNSIGNED, place, value)
    with pytest.raises(CoseError, match=sentence):
        verifying.verify(sign1.read(message), signer.key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xd8\x62\x84",
        cbor.encoded(Tagged(98, [b"", {}, b"", []])),
        cbor.encoded([b"", {}, b""]),
        b"\x81" * 5000,
        b"\xd2" * 5000,
        b"\x9b" + b"\xff" * 8,
    ],
)
def test_bytes_that_are_no_message(data: bytes) -> None:
    """A sentence, however deep and long they say they are."""
    with pytest.raises(CoseError):
        sign1.read(data)


@settings(max_examples=40)
@given(st.binary(max_size=64))
def test_any_bytes(data: bytes) -> None:
    """Nothing but the refusal of the room comes out."""
    for each in (data, b"\xd2\x84" + data, b"\x84\x43" + data):
        try:
            sign1.read(each)
        except CoseError as error:
            assert str(error)


def test_payload_here_and_there(signer: LmsSigner) -> None:
    """Named for a message that has its own."""
    with pytest.raises(CoseError, match="it has its payload in it"):
        verifying.verify(sign1.read(UNSIGNED), signer.key, PAYLOAD)


def test_sizes(signer: LmsSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload that is too long says what to sign in its place; a message that is, is not read."""
    monkeypatch.setattr(sign1, "MOST_PAYLOAD", 4)
    with pytest.raises(CoseError, match="sign a manifest that has its digest"):
        sign1.prepare(signer.key, PAYLOAD, PLAIN)
    monkeypatch.setattr(sign1, "MOST_BYTES", 4)
    with pytest.raises(CoseError, match="a message has at most"):
        sign1.read(bytes(5))

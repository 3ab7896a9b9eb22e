"""COSE messages and keys of ours before `cwt` and the CBOR of `cbor2`, and theirs before us."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.present import missing
from kit.flips import flipped_at
from kit.message_keys import LmsSigner, MldsaSigner
from kit.signatures import H5_SETS
from pyhsslms import pyhsslms

from seemachine.cose import sign1, verifying
from seemachine.cose.errors import CoseError
from seemachine.cose.sign1 import Terms
from seemachine.encodings import cbor
from seemachine.encodings.cbor import Tagged
from seemachine.encodings.forms import recognized_key, write_key
from seemachine.wire.status import StatusError

cbor2 = pytest.importorskip("cbor2", reason=missing("cwt"))
cose = pytest.importorskip("judges.cose", reason=missing("cwt"))

PAYLOAD, EXTERNAL = b"firmware 1.0", b"device 7"
TERMS = [
    Terms(),
    Terms(detached=True, external=EXTERNAL),
    Terms(key_id=b"k" * 30, content_type="application/octet-stream"),
    Terms(content_type=42, external=EXTERNAL),
]
Signer = LmsSigner | MldsaSigner


def message(signer: Signer, terms: Terms) -> bytes:
    """One of ours."""
    prepared = sign1.prepare(signer.key, PAYLOAD, terms)
    return prepared.finished(signer.sign(prepared.to_sign))


def key_of(signer: Signer) -> dict[int, Any]:
    """Its COSE_Key, as `cbor2` reads it."""
    found: dict[int, Any] = cbor2.loads(write_key(signer.key, "cose"))
    return found


@pytest.mark.parametrize("terms", TERMS, ids=range(len(TERMS)))
@pytest.mark.parametrize("make", [LmsSigner.made, MldsaSigner.made])
def test_they_take_our_messages(make: Any, terms: Terms) -> None:
    """Headers and payload are what was wished. With one bit flipped in the signed headers,
    the payload, the signature, the external data or the key none is taken.
    """
    signer = make()
    named = {cose.KID: terms.key_id} if terms.key_id else {}
    data, key = message(signer, terms), {**key_of(signer), **named}
    payload = PAYLOAD if terms.detached else None
    signed, others, content = cose.opened(data, key, payload, terms.external)
    wanted = {1: key[cose.ALG], 3: terms.content_type}
    assert signed == {name: value for name, value in wanted.items() if value is not None}
    assert others == ({4: terms.key_id} if terms.key_id else {})
    assert content == PAYLOAD
    other = flipped_at(PAYLOAD, 0)
    wrong = [
        (flipped_at(data, 4), key, payload, terms.external),
        # At its end an ML-DSA signature has a hint, whose zeros have a form of their own.
        (flipped_at(data, -1500), key, payload, terms.external),
        (data, {**key, cose.PUB: flipped_at(key[cose.PUB], -1)}, payload, terms.external),
        (data, key, payload, terms.external + b"."),
        (data.replace(PAYLOAD, other), key, payload and other, terms.external),
    ]
    for case in wrong:
        with pytest.raises(cose.REFUSALS):
            cose.opened(*case)


def test_they_take_messages_of_every_set() -> None:
    """Of LMS, all of which pyhsslms has, and of ML-DSA."""
    of_lms = [LmsSigner.made(tree.name, ots.name) for tree, ots in H5_SETS]
    for signer in [*of_lms, *map(MldsaSigner.made, (44, 87))]:
        assert cose.opened(message(signer, Terms()), key_of(signer))[2] == PAYLOAD


def test_we_take_their_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two levels, with other headers beside ours, detached and with data outside; and none in
    which a bit is flipped.
    """
    # It makes messages of the algorithms alone that it has heard of.
    monkeypatch.setitem(cose.COSE_ALGORITHMS_SIGNATURE, "HSS-LMS", -46)
    kind, ots = pyhsslms.lms_shake_m24_h5, pyhsslms.lmots_shake_n24_w2
    private = pyhsslms.HssPrivateKey(levels=2, lms_type=kind, lmots_type=ots)
    public = private.publicKey().serialize()
    key = {cose.KTY: cose.HSS_LMS, cose.ALG: -46, cose.PUB: public, 2: b"two levels"}
    ours = recognized_key(cbor2.dumps(key)).key
    plain = cose.made(PAYLOAD, key, private.sign, headers={-70000: ["more"]})
    verifying.verify(sign1.read(plain), ours)
    whole = cose.made(PAYLOAD, key, private.sign, external_aad=EXTERNAL)
    verifying.verify(sign1.read(whole), ours, external=EXTERNAL)
    protected, unprotected, _, signature = cbor2.loads(whole).value
    detached = cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, None, signature]))
    verifying.verify(sign1.read(detached), ours, PAYLOAD, EXTERNAL)
    for place in (5, len(plain) // 2, -1):
        with pytest.raises((CoseError, StatusError)):
            verifying.verify(sign1.read(flipped_at(plain, place)), ours)


# ---- CBOR ----------------------------------------------------------------------------------------


def as_theirs(value: Any) -> Any:
    """A value of ours with their tags."""
    if isinstance(value, Tagged):
        return cbor2.CBORTag(value.tag, as_theirs(value.value))
    return [as_theirs(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("make", [LmsSigner.made, MldsaSigner.made])
def test_what_we_write_is_deterministic_to_them(make: Any) -> None:
    """Each COSE_Key and COSE_Sign1 comes back byte for byte from their canonical encoder."""
    signer = make()
    written = [write_key(signer.key, "cose"), *(message(signer, terms) for terms in TERMS)]
    written.append(message(signer, Terms(tagged=False)))
    for data in written:
        assert cbor2.dumps(cbor2.loads(data), canonical=True) == data


def test_no_flipped_bit_of_a_key_is_the_same_to_them() -> None:
    """Every bit of a COSE_Key: it is refused, or is another key, to them as to us; or it has no
    algorithm any more, which it need not have.
    """
    signer = LmsSigner.made()
    data = write_key(signer.key, "cose")
    for place in range(8 * len(data)):
        changed = flipped_at(data, place // 8, place % 8)
        theirs = read_by_them(changed)
        assert theirs != cbor2.loads(data)
        assert read_by_us(changed) != signer.key or cose.ALG not in theirs


def read_by_them(data: bytes) -> Any:
    """The value, or None."""
    try:
        return cbor2.loads(data)
    except (ValueError, EOFError, OverflowError, TypeError, LookupError):
        return None


def read_by_us(data: bytes) -> Any:
    """The key, or None."""
    from seemachine.encodings.forms import FormError

    try:
        return recognized_key(data).key
    except FormError:
        return None


NUMBERS = st.integers(-(1 << 64), (1 << 64) - 1)
SCALARS = NUMBERS | st.binary(max_size=300) | st.text(max_size=30) | st.booleans() | st.none()
# Where encodings have one length, the order of RFC 8949 4.2.1 is that of 4.2.3, which theirs is.
NAMES = st.integers(-24, 23)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(NAMES, inner, max_size=9),
    max_leaves=9,
)


@settings(max_examples=50)
@given(VALUES)
def test_our_cbor_is_theirs(value: Any) -> None:
    """Any value has the same encoding, and each reads what the other wrote."""
    data = cbor.encoded(value)
    assert data == cbor2.dumps(value, canonical=True)
    assert cbor2.loads(data) == value
    assert cbor.decoded(cbor2.dumps(value)) == value


def test_the_order_of_names() -> None:
    """That of the bytes of their encodings (RFC 8949 4.2.1): theirs puts shorter ones first."""
    value = {100: 1, "a": 2, -1: 3, 10: 4}
    assert cbor.encoded(value).hex() == "a40a041864012003616102"
    assert cbor2.loads(cbor.encoded(value)) == value

"""hss.py: each level is checked with the key above it, and what is nearly an HSS signature is none.

The keys are of pyhsslms and hsslms.
"""

from functools import cache
from itertools import pairwise

import hsslms
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import OneProcess
from pyhsslms import pyhsslms as p
from vectors.published import cases

from seemachine.lms import hss
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import Signature, u32
from seemachine.lms.parameters import ParameterError

MESSAGE = b"firmware 2.0"
CHEAP = ("lms_sha256_m24_h5", "lmots_sha256_n24_w2")
SHAKE = ("lms_shake_m24_h5", "lmots_shake_n24_w4")
LEVELS = range(1, 9)


@cache
def pair(levels, names=CHEAP):
    """Public key and signature over MESSAGE of a pyhsslms key, encoded."""
    private = p.HssPrivateKey(levels, *(getattr(p, name) for name in names))
    public = bytes(private.publicKey().serialize())
    return public, bytes(private.sign(MESSAGE))


def takes(engine, public_key, signature, message=MESSAGE):
    """The verdict over encoded figures. Raises only what the tests below must see."""
    try:
        key, made = HssPublicKey.decode(public_key), HssSignature.decode(signature)
        return hss.verifies(engine, key, [message], made)
    except ParameterError:
        return False


@pytest.mark.parametrize("levels", LEVELS)
def test_every_number_of_levels(engine, levels):
    """1 to 8 levels verify, over their own message only, and encode to the same bytes again."""
    public_key, signature = pair(levels)
    decoded = HssSignature.decode(signature)

    assert takes(engine, public_key, signature)
    assert not takes(engine, public_key, signature, MESSAGE + b".")
    assert (decoded.levels, len(decoded.keys)) == (levels, levels - 1)
    assert (HssPublicKey.decode(public_key).encode(), decoded.encode()) == (public_key, signature)


@pytest.mark.parametrize("names", [("lms_sha256_m32_h5", "lmots_sha256_n32_w4"), SHAKE], ids=str)
def test_other_hashes(engine, names):
    """Two levels of other families."""
    assert takes(engine, *pair(2, names))


def test_a_second_maker(engine, monkeypatch):
    """A key of hsslms has levels of different sets, one of them taller."""
    monkeypatch.setattr(hsslms.lms, "Pool", OneProcess)
    sets = hsslms.LMS_ALGORITHM_TYPE
    trees = [sets.LMS_SHA256_M24_H5, sets.LMS_SHA256_M24_H10]
    private = hsslms.HSS_Priv(trees, hsslms.LMOTS_ALGORITHM_TYPE.LMOTS_SHA256_N24_W1, 1)

    assert takes(engine, private.gen_pub().get_pubkey(), private.sign(MESSAGE))


@pytest.mark.parametrize("signed", [1, 2, 3])
@pytest.mark.parametrize("said", LEVELS)
def test_the_levels_of_the_key_must_be_those_of_the_signature(engine, signed, said):
    """RFC 8554 6.3: Nspk + 1 = L. The top tree under another L is refused, and both are named."""
    public_key, signature = pair(signed)
    key = HssPublicKey(said, HssPublicKey.decode(public_key).key)
    if said == signed:
        assert hss.verifies(engine, key, [MESSAGE], HssSignature.decode(signature))
        return

    made, key_has = (f"{number} level" + "s" * (number != 1) for number in (signed, said))
    sentence = f"the signature has {made}, the key {key_has}$"
    with pytest.raises(ParameterError, match=sentence):
        hss.verifies(engine, key, [MESSAGE], HssSignature.decode(signature))


def test_a_top_tree_that_signs_the_message_itself(engine):
    """The top tree of a key of two levels signs no message: as HSS of one level it is refused."""
    private = p.HssPrivateKey(2, *(getattr(p, name) for name in CHEAP))
    public_key, alone = bytes(private.publicKey().serialize()), bytes(private.prv[0].sign(MESSAGE))

    assert not takes(engine, public_key, bytes(4) + alone)
    assert takes(engine, u32(1) + public_key[4:], bytes(4) + alone)


@pytest.mark.parametrize("word", [0, 9, 99, 1 << 31, (1 << 32) - 1])
def test_numbers_of_levels_that_cannot_be(word):
    """A key has 1 to 8 levels, a signature 0 to 7 keys in it."""
    public_key, signature = pair(2)
    with pytest.raises(ParameterError, match="1 to 8 levels"):
        HssPublicKey.decode(u32(word) + public_key[4:])
    if word:
        with pytest.raises(ParameterError, match="1 to 8 levels"):
            HssSignature.decode(u32(word) + signature[4:])


def parts_of(signature):
    """Where each part of an HSS signature begins, and its end."""
    decoded, place, places = HssSignature.decode(signature), 4, [0, 4]
    for made, key in zip(decoded.signatures, [*decoded.keys, None], strict=True):
        for part in (made, key) if key is not None else (made,):
            place += len(part.encode())
            places.append(place)
    return places


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_a_level_of_another_key(engine, levels):
    """Each level put in from a signature of another key, or of another level, breaks it."""
    public_key, signature = pair(levels)
    _, foreign = other(levels)
    places = parts_of(signature)
    for start, end in pairwise(places[1:]):
        mixed = signature[:start] + foreign[start:end] + signature[end:]
        assert not takes(engine, public_key, mixed)
    assert not takes(engine, public_key, foreign)


@cache
def other(levels):
    """As `pair`, of another key."""
    return pair.__wrapped__(levels)


def test_levels_in_another_order(engine):
    """Signatures of two levels that change places break it."""
    public_key, signature = pair(3)
    decoded = HssSignature.decode(signature)
    first, second, last = decoded.signatures

    for mixed in (
        HssSignature((second, first, last), decoded.keys),
        HssSignature((first, second, last), decoded.keys[::-1]),
    ):
        assert not takes(engine, public_key, mixed.encode())


def test_a_level_of_another_set_is_refused(engine):
    """A key between two levels of another parameter set is not a key of the signature below it."""
    public_key, signature = pair(2)
    foreign = HssPublicKey.decode(pair(1, SHAKE)[0]).key
    decoded = HssSignature.decode(signature)
    mixed = HssSignature(decoded.signatures, (foreign,))

    roots = hss.candidate_roots(engine, HssPublicKey.decode(public_key), [MESSAGE], mixed)
    expected, computed = next(roots)
    assert expected != computed
    with pytest.raises(ParameterError, match=r"the signature is sha256_m24_h5 .* is shake"):
        next(roots)


@pytest.mark.parametrize("levels", [1, 2])
def test_every_truncation_and_every_longer_one_is_a_parameter_error(levels):
    """Cut anywhere or with bytes after it, signature and key are a ParameterError, nothing else."""
    public_key, signature = pair(levels)
    for size in range(len(signature)):
        with pytest.raises(ParameterError):
            HssSignature.decode(signature[:size])
    for size in range(len(public_key)):
        with pytest.raises(ParameterError):
            HssPublicKey.decode(public_key[:size])
    for decode, data in ((HssSignature.decode, signature), (HssPublicKey.decode, public_key)):
        for more in (b"\0", b"\n", data):
            with pytest.raises(ParameterError):
                decode(data + more)


@pytest.mark.parametrize("levels", [1, 2, 3])
@given(data=st.data())
@examples(60)
def test_no_flipped_bit_verifies(engine, levels, data):
    """One bit turned over in key, message or signature: a failure or a ParameterError."""
    figures = [*pair(levels), MESSAGE]
    which = data.draw(st.sampled_from(range(3)))
    bit = data.draw(st.integers(0, 8 * len(figures[which]) - 1))
    changed = bytearray(figures[which])
    changed[bit // 8] ^= 1 << bit % 8
    figures[which] = bytes(changed)

    assert not takes(engine, *figures)


def test_every_bit_of_the_words_counts(engine):
    """Each bit of the level words, of every type and of every leaf number of two levels."""
    public_key, signature = pair(2)
    places = parts_of(signature)
    words = {0, *(place + 4 * n for place in places[1:-1] for n in (0, 1))}
    decoded = HssSignature.decode(signature)
    for place, made in zip((places[1], places[3]), decoded.signatures, strict=True):
        words.add(place + 4 + made.ots.signature_bytes)
    for bit in (8 * word + bit for word in words for bit in range(32)):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not takes(engine, public_key, bytes(changed)), f"bit {bit}"
    for bit in range(8 * 12):
        changed = bytearray(public_key)
        changed[bit // 8] ^= 1 << bit % 8
        assert not takes(engine, bytes(changed), signature), f"bit {bit} of the key"


WITH_LEVELS = st.tuples(st.integers(0, 12).map(u32), st.binary(max_size=4000)).map(b"".join)


@given(data=st.binary(max_size=200) | WITH_LEVELS)
@examples(200)
def test_any_bytes(data):
    """Any bytes are an HSS key or signature that encodes to them again, or a ParameterError."""
    for kind in (HssPublicKey, HssSignature):
        try:
            assert kind.decode(data).encode() == data
        except ParameterError:
            continue


def test_what_follows_a_signature():
    """`cut` gives back what comes after it, for both encodings."""
    _, signature = pair(2)
    made, rest = HssSignature.cut(signature + b"\nmore")
    assert (made.encode(), rest) == (signature, b"\nmore")
    plain = made.signatures[-1].encode()
    assert hss.cut_signature(plain + b"\n") == (Signature.decode(plain), b"\n")


def test_either_encoding():
    """Both encodings are told apart; a plain one has one level and no level word."""
    for levels in (1, 2):
        signature = pair(levels)[1]
        encoding, made = hss.decode_either(signature)
        assert (encoding, made.encode()) == ("HSS", signature)
    encoding, made = hss.decode_either(signature[4:][: len(made.signatures[0].encode())])
    assert (encoding, made.levels, made.keys) == ("LMS", 1, ())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not an LMS signature (an LMS signature is longer than 0 bytes)"),
        (b"root:x:0:0:", "not an LMS signature (unknown LM-OTS set 980957744)"),
        (u32(3) + u32(6) + bytes(9), "not an LMS signature (unknown LMS set 0)"),
        (u32(0) + u32(6) + u32(6) + bytes(9), "not an LMS signature (unknown LMS set 0)"),
        (u32(0) + u32(0) + u32(6) + bytes(9), "not an HSS signature (unknown LMS set 0)"),
        (
            u32(8) + u32(99) + u32(6),
            "not an HSS signature (an HSS signature has 1 to 8 levels, not 9)",
        ),
    ],
)
def test_neither_encoding(data, sentence):
    """The error says which of the two the bytes were meant to be, by the place of a known set."""
    with pytest.raises(ParameterError) as refused:
        hss.decode_either(data)
    assert str(refused.value) == sentence


def test_which_level_fails(engine):
    """Roots come level by level, so that whoever is told can say where it broke."""
    case = next(case for case in cases("rfc") if "Case 1" in case["source"])
    key = HssPublicKey.decode(bytes.fromhex(case["public_key"]))
    signature = HssSignature.decode(bytes.fromhex(case["signature"]))
    roots = list(hss.candidate_roots(engine, key, [b"another message"], signature))

    assert [expected == computed for expected, computed in roots] == [True, False]
    assert [expected for expected, _ in roots] == [key.key.root, signature.keys[0].root]

"""verifying.py against the published figures, and against everything that is nearly a signature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import H5_SETS, MESSAGE, leads_to_root, peel, set_name, sign
from vectors.published import cases

from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import ParameterError
from seemachine.lms.verifying import candidate_root


def verified(engine, public_key, message, signature):
    """Whether encoded figures verify. Raises only what the tests below must see."""
    try:
        key = PublicKey.decode(public_key)
        return leads_to_root(engine, key, message, signature)
    except ParameterError:
        return False


def flip(data, bit):
    """The same bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def published(case):
    """A published case as plain LMS figures: public key, message, signature for each level."""
    levels = peel(bytes.fromhex(case["public_key"]), bytes.fromhex(case["signature"]))
    return [
        (key, bytes.fromhex(case["message"]) if below is None else below, signature)
        for key, below, signature in levels
    ]


PUBLISHED = [
    pytest.param(*one, id=f"{case['source']}, level {n}")
    for case in cases("rfc")
    for n, one in enumerate(published(case))
]


def test_the_published_cases_have_the_levels_that_they_say():
    """RFC 8554 prints two signatures of two levels, RFC 9858 three of one: seven plain
    signatures.
    """
    assert len(PUBLISHED) == 7


@pytest.mark.parametrize(("public_key", "message", "signature"), PUBLISHED)
def test_the_published_signatures_verify(engine, public_key, message, signature):
    """Each level of RFC 8554 appendix F and RFC 9858 leads to the published root."""
    key = PublicKey.decode(public_key)

    assert candidate_root(engine, key, [message], signature) == key.root


@pytest.mark.parametrize(("public_key", "message", "signature"), PUBLISHED)
def test_a_message_may_come_in_pieces(engine, public_key, message, signature):
    """Where the message is cut does not matter; a piece left out, doubled or moved does."""
    key = PublicKey.decode(public_key)
    first, second = message[:7], message[7:]

    assert candidate_root(engine, key, iter([first, b"", second]), signature) == key.root
    for wrong in ([first], [second, first], [first, second, second], []):
        assert candidate_root(engine, key, wrong, signature) != key.root


@pytest.mark.parametrize(("public_key", "message", "signature"), PUBLISHED)
@given(data=st.data())
@examples(40)
def test_no_flipped_bit_verifies(engine, public_key, message, signature, data):
    """One bit turned over in public key, message or signature is a failure or a ParameterError."""
    assert verified(engine, public_key, message, signature)
    figures = [public_key, message, signature]
    which = data.draw(st.sampled_from(range(3)))
    figures[which] = flip(figures[which], data.draw(st.integers(0, 8 * len(figures[which]) - 1)))

    assert not verified(engine, *figures)


def in_every_part(public_key, signature):
    """The byte that begins and the byte that ends each part of a public key and a signature."""
    parts = Signature.decode(signature)
    sizes = [4, 4, len(parts.randomizer), len(parts.chains), 4, len(parts.path)]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    ends = [start + size - 1 for start, size in zip(starts, sizes, strict=True)]
    return sorted({*starts, *ends}), [*range(24), 24, len(public_key) - 1]


@pytest.mark.parametrize(("public_key", "message", "signature"), PUBLISHED[-1:])
def test_no_part_of_the_figures_is_left_out(engine, public_key, message, signature):
    """Every bit of the first and the last byte of each part of public key and signature counts."""
    in_signature, in_key = in_every_part(public_key, signature)

    for bit in [8 * byte + bit for byte in in_signature for bit in range(8)]:
        assert not verified(engine, public_key, message, flip(signature, bit)), (
            f"bit {bit} of the signature"
        )
    for bit in [8 * byte + bit for byte in in_key for bit in range(8)]:
        assert not verified(engine, flip(public_key, bit), message, signature), (
            f"bit {bit} of the public key"
        )


@pytest.mark.parametrize(("public_key", "message", "signature"), PUBLISHED)
def test_every_truncation_is_a_parameter_error(engine, public_key, message, signature):
    """A signature cut anywhere, or with a byte after it, raises ParameterError and nothing else."""
    key = PublicKey.decode(public_key)

    for wrong in [*(signature[:size] for size in range(len(signature))), signature + b"\0"]:
        with pytest.raises(ParameterError):
            candidate_root(engine, key, [message], wrong)


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_a_signature_of_another_set_is_refused(engine, made, tree, ots):
    """A sound signature of one set is a ParameterError under the key of any other."""
    signature = sign(engine, made(tree, ots).lease(0), 4)

    assert leads_to_root(engine, made(tree, ots).public_key, MESSAGE, signature)
    for other_tree, other_ots in H5_SETS:
        if other_ots is not ots:
            with pytest.raises(
                ParameterError,
                match=f"the signature is {tree.name} {ots.name}, the key is {other_tree.name}",
            ):
                candidate_root(
                    engine,
                    PublicKey(other_tree, other_ots, bytes(16), bytes(other_tree.m)),
                    [MESSAGE],
                    signature,
                )


@pytest.fixture(scope="module")
def signed(engine, made):
    """One signature of every set, by LM-OTS name."""
    return {ots.name: sign(engine, made(tree, ots).lease(0), 19) for tree, ots in H5_SETS}


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
@given(data=st.data())
@examples(8)
def test_no_flipped_bit_verifies_in_any_set(engine, made, signed, tree, ots, data):
    """One bit turned over in our own figures of every set is a failure or a ParameterError."""
    figures = [made(tree, ots).public_key.encode(), MESSAGE, signed[ots.name]]
    assert verified(engine, *figures)
    which = data.draw(st.sampled_from(range(3)))
    figures[which] = flip(figures[which], data.draw(st.integers(0, 8 * len(figures[which]) - 1)))

    assert not verified(engine, *figures)

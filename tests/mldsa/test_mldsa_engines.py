"""The engines of ML-DSA: each judges the other, and one is chosen with a reason."""

import sys

import pytest
from kit.flips import flipped_at

from seemachine.mldsa import engines, keys
from seemachine.mldsa.engines import MldsaEngineError
from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.mldsa.hashing import representative
from seemachine.mldsa.parameters import MLDSA_SETS, MldsaError, mldsa, of_public_key

SEED, RANDOMIZER = bytes(range(32)), bytes(range(32, 64))
SETS = pytest.mark.parametrize("parameters", MLDSA_SETS, ids=lambda each: each.name)


@SETS
def test_each_engine_judges_the_other(engine, judge, parameters):
    """Keys have the same bytes; a signature of one, hedged or not, is good for the other, of the
    length of its set, and with any bit flipped for neither.
    """
    public_key = engine.public_key(parameters, SEED)
    mu = representative(public_key, b"firmware", b"context")

    assert public_key == judge.public_key(parameters, SEED)
    assert of_public_key(public_key) is parameters
    for randomizer in (RANDOMIZER, bytes(32)):
        signature = engine.sign(parameters, SEED, mu, randomizer)
        assert len(signature) == parameters.signature_bytes
        assert judge.verify(parameters, public_key, mu, signature)
        for place in (0, 40, len(signature) // 2, -1):
            assert not judge.verify(parameters, public_key, mu, flipped_at(signature, place))
        assert not judge.verify(parameters, public_key, flipped_at(mu, 63), signature)
        assert not judge.verify(parameters, flipped_at(public_key, 40), mu, signature)


@SETS
def test_a_signature_of_another_length_is_none(engine, parameters):
    """Cut, empty or longer, it is no signature, and no error."""
    public_key = engine.public_key(parameters, SEED)
    mu = representative(public_key, b"")
    signature = engine.sign(parameters, SEED, mu, RANDOMIZER)

    for wrong in (b"", signature[:-1], signature + b"\0"):
        assert not engine.verify(parameters, public_key, mu, wrong)


def test_both_forms_of_a_private_key_make_the_same_signature(engine):
    """A seed and what it expands to are one key."""
    parameters = MLDSA_SETS[0]
    mu = representative(engine.public_key(parameters, SEED), b"firmware")
    whole = keys.expanded(parameters, SEED)

    assert keys.expanded(parameters, whole) == whole
    assert engine.sign(parameters, SEED, mu, bytes(32)) == engine.sign(
        parameters, whole, mu, bytes(32)
    )


def test_a_hedged_signature_differs_each_time(engine):
    """Where chance is the engine's own, and where it is given."""
    parameters = MLDSA_SETS[0]
    mu = representative(engine.public_key(parameters, SEED), b"firmware")
    made = {engine.sign(parameters, SEED, mu, bytes([each]) * 32) for each in range(1, 4)}

    assert len(made) == 3


@pytest.mark.parametrize("place", [0, 64, 128, 128 + 96 * 8 - 1, -1])
def test_a_private_key_with_a_bit_flipped_is_refused(engine, place):
    """In rho, tr, s1, s2 or t0, whatever signing would make of it."""
    parameters = MLDSA_SETS[0]
    with pytest.raises(MldsaError, match=r"out of its range|do not belong together"):
        keys.public_key_of(engine, parameters, flipped_at(keys.expanded(parameters, SEED), place))


def test_a_private_key_of_another_length_is_refused(engine):
    """The text says both lengths."""
    with pytest.raises(MldsaError, match="ML-DSA-44 has 2560 bytes, or as a seed 32, not 33"):
        keys.public_key_of(engine, MLDSA_SETS[0], bytes(33))


def test_a_context_is_a_part_of_what_is_signed():
    """Another context, or the same bytes at the head of the message, is another representative."""
    public_key = bytes(1312)
    made = [
        representative(public_key, *each)
        for each in ((b"ab", b""), (b"b", b"a"), (b"", b"ab"), (b"ab", b"a"))
    ]

    assert len(set(made)) == len(made)
    with pytest.raises(MldsaError, match="at most 255 bytes, not 256"):
        representative(public_key, b"", bytes(256))


def test_sets_are_known_by_name_and_number():
    """Any other is an error that says which there are."""
    assert mldsa("mldsa87") is mldsa(87)
    assert mldsa(44).standard_name == "ML-DSA-44"
    with pytest.raises(MldsaError, match="mldsa99; one of mldsa44, mldsa65, mldsa87"):
        mldsa("mldsa99")
    with pytest.raises(MldsaError, match="1312, 1952, 2592 bytes, by its set, not 56"):
        of_public_key(bytes(56))


class TestChoice:
    """Which engine works."""

    @pytest.fixture(autouse=True)
    def free_choice(self, monkeypatch):
        """Nothing is asked for, unless a test asks."""
        monkeypatch.delenv(engines.ENVIRONMENT, raising=False)

    def test_the_fast_one_is_taken_where_it_is(self):
        """And then nothing is missed."""
        pytest.importorskip("seemachine.mldsa.engines.openssl")

        assert engines.select().name == "openssl"
        assert engines.missed() == ""

    def test_without_cryptography_the_portable_one_works(self, monkeypatch):
        """The reason is said."""
        monkeypatch.setitem(sys.modules, "seemachine.mldsa.engines.openssl", None)

        assert isinstance(engines.select(), PortableMldsa)
        assert "cryptography with ML-DSA can't be imported" in engines.missed()

    def test_the_portable_one_can_be_asked_for(self, monkeypatch):
        """The reason is that it was."""
        monkeypatch.setenv(engines.ENVIRONMENT, "portable")

        assert isinstance(engines.select(), PortableMldsa)
        assert engines.missed() == "SEEMACHINE_MLDSA_ENGINE asks for the portable engine"

    def test_one_that_is_asked_for_and_is_not_here_is_an_error(self, monkeypatch):
        """There is no other in its place; nor for a name that is none."""
        monkeypatch.setitem(sys.modules, "seemachine.mldsa.engines.openssl", None)
        monkeypatch.setenv(engines.ENVIRONMENT, "openssl")
        with pytest.raises(MldsaEngineError, match="can't be imported"):
            engines.select()

        monkeypatch.setenv(engines.ENVIRONMENT, "abacus")
        with pytest.raises(MldsaEngineError, match="abacus is none of portable, openssl"):
            engines.select()

    def test_what_only_the_portable_one_does_needs_it(self, monkeypatch):
        """Without its package that is refused, and hedged signatures of seeds go on."""
        openssl = pytest.importorskip("seemachine.mldsa.engines.openssl").OpensslMldsa()
        monkeypatch.setitem(sys.modules, "seemachine.mldsa.engines.portable", None)
        parameters, mu = MLDSA_SETS[0], bytes(64)

        assert openssl.sign(parameters, SEED, mu, RANDOMIZER)
        with pytest.raises(MldsaEngineError, match="dilithium-py can't be imported"):
            openssl.sign(parameters, SEED, mu, bytes(32))
        with pytest.raises(MldsaEngineError, match="dilithium-py can't be imported"):
            keys.expanded(parameters, SEED)

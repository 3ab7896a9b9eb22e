"""ML-DSA keys and signatures that others published: each is judged as its publisher says."""

import hashlib

import pytest
from vectors.published import cases

from seemachine.mldsa import keys
from seemachine.mldsa.hashing import HASH_BYTES, representative
from seemachine.mldsa.parameters import MldsaError, MldsaParameters, mldsa


def parameters_of(case: dict[str, object]) -> MldsaParameters:
    """The set of a case, which NIST calls ML-DSA-44."""
    return mldsa(int(str(case["set"]).rpartition("-")[2]))


def named(case: dict[str, object]) -> str:
    """What pytest prints for a case."""
    return ", ".join(
        str(case[name]) for name in ("set", "tcId", "reason", "comment") if name in case
    )


def octets(case: dict[str, str], *names: str) -> list[bytes]:
    """Fields in hexadecimal."""
    return [bytes.fromhex(case[name]) for name in names]


def of_formatted(tr: bytes, message: bytes) -> bytes:
    """The representative of a message that is formatted already (FIPS 204 algorithm 7, line 6)."""
    return hashlib.shake_256(tr + message).digest(64)


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("case", cases("acvp_mldsa_keygen")[::5], ids=named)
def test_a_seed_makes_the_published_key(engine, case):
    """A seed makes the public key that NIST printed, and expands to the private key that NIST
    printed, whose public key that is.
    """
    parameters, [seed] = parameters_of(case), octets(case, "seed")
    public_key, private_key = engine.public_key(parameters, seed), keys.expanded(parameters, seed)

    assert sha256(public_key) == case["pk_sha256"]
    assert sha256(private_key) == case["sk_sha256"]
    assert keys.public_key_of(engine, parameters, private_key) == public_key
    assert keys.public_key_of(engine, parameters, seed) == public_key


@pytest.mark.parametrize("case", cases("acvp_mldsa_siggen"), ids=named)
def test_a_randomizer_makes_the_published_signature(case):
    """An expanded private key, a message and a randomizer make the signature that NIST printed:
    hedged with it, and deterministic without.
    """
    from seemachine.mldsa.engines.portable import PortableMldsa

    private_key, message, randomizer = octets(case, "sk", "message", "rnd")
    mu = of_formatted(private_key[64:128], message)
    signature = PortableMldsa().sign(parameters_of(case), private_key, mu, randomizer)

    assert sha256(signature) == case["signature_sha256"]


def test_a_deterministic_signature_is_the_published_one_whatever_the_engine(engine):
    """What an engine can't do it leaves to one that can: the same bytes come out."""
    case = next(each for each in cases("acvp_mldsa_siggen") if not int(each["rnd"], 16))
    private_key, message = octets(case, "sk", "message")
    mu = of_formatted(private_key[64:128], message)
    signature = engine.sign(parameters_of(case), private_key, mu, bytes(32))

    assert sha256(signature) == case["signature_sha256"]


@pytest.mark.parametrize("case", cases("acvp_mldsa_sigver"), ids=named)
def test_acvp(engine, case):
    """NIST's verdicts."""
    public_key, message, signature = octets(case, "public_key", "message", "signature")
    tr = hashlib.shake_256(public_key).digest(HASH_BYTES)
    verdict = engine.verify(parameters_of(case), public_key, of_formatted(tr, message), signature)

    assert verdict is case["valid"]


@pytest.mark.parametrize("case", cases("wycheproof_mldsa_verify"), ids=named)
def test_wycheproof(engine, case):
    """Signatures under contexts, of other lengths, and with broken hints."""
    public_key, context, message, signature = octets(
        case, "public_key", "context", "message", "signature"
    )
    try:
        mu = representative(public_key, message, context)
    except MldsaError:
        assert len(context) > 255
        assert case["valid"] is False
        return

    assert engine.verify(parameters_of(case), public_key, mu, signature) is case["valid"]


@pytest.mark.parametrize("case", cases("wycheproof_mldsa_private"), ids=named)
def test_a_private_key_that_no_seed_makes_is_refused(engine, case):
    """A key whose vectors are out of range, with which signing might never end."""
    [private_key] = octets(case, "private_key")

    with pytest.raises(MldsaError, match="out of its range"):
        keys.public_key_of(engine, parameters_of(case), private_key)

"""ML-DSA through the module, judged by the cryptography package and by python-pkcs11."""

from pathlib import Path

import pytest
from kit import cryptoki
from kit.cryptoki import Cryptoki, Refused
from kit.processes import RunningMachine
from seeclient import blocking

mldsa = pytest.importorskip(
    "cryptography.hazmat.primitives.asymmetric.mldsa", reason="cryptography has no ML-DSA"
)
InvalidSignature = pytest.importorskip("cryptography.exceptions").InvalidSignature
MESSAGE = b"firmware"
SETS = {
    "mldsa44": (1, mldsa.MLDSA44PublicKey, 2420),
    "mldsa65": (2, mldsa.MLDSA65PublicKey, 3309),
    "mldsa87": (3, mldsa.MLDSA87PublicKey, 4627),
}
PARAMETER_SET = 0x61D


@pytest.fixture(params=SETS)
def key(request: pytest.FixtureRequest, machine: RunningMachine) -> tuple[str, str]:
    """A new key's alias, and the name of its parameter set."""
    name = str(request.param)
    alias = f"{request.function.__name__[:40]}-{name}".replace("_", "-")
    with blocking.open_fleet(world=machine.home) as fleet:
        fleet.generate_mldsa(alias, name)
    return alias, name


def test_signatures_are_good_elsewhere(module: Cryptoki, key: tuple[str, str]) -> None:
    """With a context and without, hedged and deterministic; no other message, context or key."""
    alias, name = key
    number, public_class, length = SETS[name]
    session = module.session()
    private, public = session.key(alias), session.key(alias, cryptoki.PUBLIC)
    assert session.attribute(private, PARAMETER_SET) == cryptoki.number(number)
    judge = public_class.from_public_bytes(session.attribute(public, cryptoki.VALUE))
    for context in (b"", b"boot", bytes(255)):
        for hedge in (0, cryptoki.HEDGE_REQUIRED, cryptoki.DETERMINISTIC):
            mechanism = cryptoki.mldsa(context, hedge)
            signature = session.sign(private, MESSAGE, mechanism)
            assert len(signature) == length
            judge.verify(signature, MESSAGE, context)
            assert session.verifies(public, MESSAGE, signature, mechanism)
            assert not session.verifies(public, b"other", signature, mechanism)
            assert not session.verifies(public, MESSAGE, signature, cryptoki.mldsa(b"other"))
            with pytest.raises(InvalidSignature):
                judge.verify(signature, MESSAGE, context + b"x" if len(context) < 255 else b"")


def test_only_a_deterministic_signature_comes_twice(module: Cryptoki, key: tuple[str, str]) -> None:
    """Hedged ones of one message differ."""
    session = module.session()
    private = session.key(key[0])

    def made(hedge: int) -> set[bytes]:
        return {session.sign(private, MESSAGE, cryptoki.mldsa(b"", hedge)) for _ in range(3)}

    assert len(made(cryptoki.DETERMINISTIC)) == 1
    assert len(made(cryptoki.HEDGE_REQUIRED)) == len(made(0)) == 3


def test_a_context_is_not_for_hss(module: Cryptoki, alias: str) -> None:
    """An LMS key takes neither the mechanism of ML-DSA nor its parameter."""
    session = module.session()
    with pytest.raises(Refused) as refused:
        session.begin(session.key(alias), cryptoki.mldsa(b"boot"))
    assert refused.value.value == 0x63


def test_python_pkcs11_makes_and_uses_keys(path: Path, environ: None) -> None:
    """One that stays and one of the session, each by its own words for ML-DSA."""
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    sets = pytest.importorskip("pkcs11.mechanisms").MLDSAParameterSet
    attribute = pkcs11.Attribute
    library = pkcs11.lib(str(path))
    library.reinitialize()
    token = library.get_token(token_label="seemachine")
    with token.open(rw=True) as session:
        for store in (True, False):
            public, private = session.generate_keypair(
                pkcs11.KeyType.ML_DSA,
                None,
                label=f"python-{store}",
                store=store,
                public_template={attribute.PARAMETER_SET: sets.ML_DSA_65},
            )
            signature = private.sign(MESSAGE)
            assert len(signature) == 3309
            assert public.verify(MESSAGE, signature)
            assert not public.verify(b"other", signature)
            assert public[attribute.TOKEN] is store
    with token.open() as session:
        labels = {each.label for each in session.get_objects({attribute.CLASS: 3})}
        assert "python-true" in labels
        assert "python-False" not in labels
    library.finalize()

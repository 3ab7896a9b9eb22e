"""The fast engine: OpenSSL, through the package cryptography, from version 48 on.

It takes seeds alone, and makes hedged signatures alone, with chance of its own. What else is asked
of it, the portable engine does.
"""

from functools import cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from seemachine.mldsa.engines import MldsaEngineError, portable_engine
from seemachine.mldsa.parameters import RANDOMIZER_BYTES, SEED_BYTES, MldsaParameters

_PrivateKind = type[mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey]
_PublicKind = type[mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey]
_PRIVATE: dict[int, _PrivateKind] = {
    44: mldsa.MLDSA44PrivateKey,
    65: mldsa.MLDSA65PrivateKey,
    87: mldsa.MLDSA87PrivateKey,
}
_PUBLIC: dict[int, _PublicKind] = {
    44: mldsa.MLDSA44PublicKey,
    65: mldsa.MLDSA65PublicKey,
    87: mldsa.MLDSA87PublicKey,
}


@cache
def _refuse_lack() -> None:
    """Looked at once where all is well: it takes as long as checking a signature does."""
    if not hasattr(mldsa.MLDSA44PrivateKey, "sign_mu"):
        raise MldsaEngineError("cryptography here signs no representatives; take a later one")
    try:
        mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(SEED_BYTES))
    except UnsupportedAlgorithm as reason:
        raise MldsaEngineError(f"the OpenSSL of cryptography: {reason}") from None


class OpensslMldsa:
    """See MldsaEngine. Raises MldsaEngineError where the OpenSSL that is here has no ML-DSA."""

    name = "openssl"

    def __init__(self) -> None:
        _refuse_lack()

    def public_key(self, parameters: MldsaParameters, seed: bytes) -> bytes:
        """See MldsaEngine."""
        return _PRIVATE[parameters.number].from_seed_bytes(seed).public_key().public_bytes_raw()

    def sign(
        self, parameters: MldsaParameters, private_key: bytes, mu: bytes, randomizer: bytes
    ) -> bytes:
        """See MldsaEngine."""
        if len(private_key) != SEED_BYTES or randomizer == bytes(RANDOMIZER_BYTES):
            return portable_engine().sign(parameters, private_key, mu, randomizer)
        return _PRIVATE[parameters.number].from_seed_bytes(private_key).sign_mu(mu)

    def verify(
        self, parameters: MldsaParameters, public_key: bytes, mu: bytes, signature: bytes
    ) -> bool:
        """See MldsaEngine."""
        try:
            _PUBLIC[parameters.number].from_public_bytes(public_key).verify_mu(signature, mu)
        except InvalidSignature:
            return False
        return True

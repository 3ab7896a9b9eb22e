"""The portable engine: dilithium-py, plain Python.

Its signatures of a message representative are public; checking one, and looking a private key over,
are not, so some of its steps are used here by the names that they have there.
"""

from dilithium_py.ml_dsa.default_parameters import DEFAULT_PARAMETERS
from dilithium_py.ml_dsa.ml_dsa import ML_DSA

from seemachine.mldsa.parameters import (
    REPRESENTATIVE_BYTES,
    SEED_BYTES,
    MldsaError,
    MldsaParameters,
)

HASH_BYTES = 64


class PortableMldsa:
    """See MldsaEngine."""

    name = "portable"

    def public_key(self, parameters: MldsaParameters, seed: bytes) -> bytes:
        """See MldsaEngine."""
        return self.expanded(parameters, seed)[0]

    def expanded(self, parameters: MldsaParameters, seed: bytes) -> tuple[bytes, bytes]:
        """The public key of a seed, and its private key expanded (FIPS 204 algorithm 6)."""
        pair: tuple[bytes, bytes] = _Scheme(parameters).key_derive(seed)
        return pair

    def sign(
        self, parameters: MldsaParameters, private_key: bytes, mu: bytes, randomizer: bytes
    ) -> bytes:
        """See MldsaEngine. Draws nothing."""
        scheme = _Scheme(parameters, randomizer)
        if len(private_key) == SEED_BYTES:
            private_key = scheme.key_derive(private_key)[1]
        signature: bytes = scheme.sign_external_mu(private_key, mu)
        return signature

    def verify(
        self, parameters: MldsaParameters, public_key: bytes, mu: bytes, signature: bytes
    ) -> bool:
        """See MldsaEngine."""
        return _Checking(parameters).verify_representative(public_key, mu, signature)

    def public_key_of(self, parameters: MldsaParameters, private_key: bytes) -> bytes:
        """The public key of an expanded private key.

        Raises MldsaError for one that no seed makes: it would give signatures that fail, none at
        all, or away what it is.
        """
        return _Scheme(parameters).public_key_of(private_key)


class _Scheme(ML_DSA):  # type: ignore[misc]
    """One parameter set, for one call: what is random is in the object."""

    def __init__(self, parameters: MldsaParameters, randomizer: bytes = b"") -> None:
        super().__init__(DEFAULT_PARAMETERS[f"ML_DSA_{parameters.number}"])
        self.random_bytes = lambda _: randomizer

    def public_key_of(self, private_key: bytes) -> bytes:
        """FIPS 204 algorithm 6, lines 3 to 10, from what an expanded private key says."""
        rho, key, _, s1, s2, _ = self._unpack_sk(private_key)
        if s1.check_norm_bound(self.eta + 1) or s2.check_norm_bound(self.eta + 1):
            raise MldsaError("the private key has a coefficient that is out of its range")
        t = (self._expand_matrix_from_seed(rho) @ s1.to_ntt()).from_ntt() + s2
        t1, t0 = t.power_2_round(self.d)
        public_key: bytes = self._pack_pk(rho, t1)
        whole = self._pack_sk(rho, key, self._h(public_key, HASH_BYTES), s1, s2, t0)
        if whole != private_key:
            raise MldsaError("the parts of the private key do not belong together")
        return public_key


class _Checking(_Scheme):
    """One that checks signatures of representatives, and must never make any: there H hashes other
    values of the same length.
    """

    @staticmethod
    def _h(in_bytes: bytes, length: int) -> bytes:
        """H, but for line 7 of algorithm 8: of tr || mu it is mu, which the caller has. Nothing
        else that is hashed there is as long.
        """
        if len(in_bytes) == HASH_BYTES + REPRESENTATIVE_BYTES:
            return in_bytes[HASH_BYTES:]
        hashed: bytes = ML_DSA._h(in_bytes, length)  # noqa: SLF001
        return hashed

    def verify_representative(self, public_key: bytes, mu: bytes, signature: bytes) -> bool:
        """FIPS 204 algorithm 8 from line 8 on."""
        good: bool = self._verify_internal(public_key, mu, signature)
        return good

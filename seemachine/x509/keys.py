"""Public keys of any algorithm as certificates have them; those of ours also check signatures."""

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyasn1_modules import rfc5280

from seemachine.encodings import keyforms, mldsa_forms
from seemachine.encodings.der import DerError, only
from seemachine.lms import engines, hss
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa import engines as mldsa_engines
from seemachine.mldsa.hashing import representative
from seemachine.mldsa.parameters import MldsaError, of_public_key
from seemachine.x509 import asn1
from seemachine.x509.errors import X509Error

# Of a key identifier (RFC 7093 2, method 1).
IDENTIFIER_BYTES = 20
# Keys of `cryptography` that sign, and do nothing else.
SIGNING_ONLY = (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A SubjectPublicKeyInfo in DER; `own` is the key in it where that is LMS, HSS or ML-DSA."""

    info: bytes
    own: HssPublicKey | bytes | None

    @classmethod
    def of(cls, public_key: bytes) -> "SubjectKey":
        """The key of an HSM: plain LMS (RFC 8554 5.3), HSS (6.1) or ML-DSA (FIPS 204).

        Raises X509Error.
        """
        try:
            key = keyforms.public_key(public_key)
            return cls(keyforms.written(key), key)
        except ParameterError:
            pass
        try:
            return cls(mldsa_forms.written(public_key), public_key)
        except MldsaError:
            raise X509Error("the key is neither LMS nor ML-DSA") from None

    @classmethod
    def read(cls, info: bytes) -> "SubjectKey":
        """The key that a request or certificate has. One of LMS in an older form, such as with an
        OCTET STRING (RFC 8708), is written in that of RFC 9802. Raises X509Error.
        """
        try:
            if (key := keyforms.subject_public_key(info)) is not None:
                return cls(keyforms.written(key), key)
            return cls(info, mldsa_forms.subject_public_key(info))
        except (DerError, ParameterError, MldsaError) as error:
            raise X509Error(f"the public key is damaged: {error}") from None

    @property
    def algorithm(self) -> Any:
        """Its AlgorithmIdentifier, which with keys of ours names their signatures too."""
        form = rfc5280.SubjectPublicKeyInfo()
        return asn1.decoded(self.info, form, "the public key")["algorithm"]

    @property
    def identifier(self) -> bytes:
        """By which certificates name it: 20 bytes of the SHA-256 of the bit string."""
        _, bits = keyforms.parts(only(self.info), 2)
        return hashlib.sha256(bits.octets()).digest()[:IDENTIFIER_BYTES]

    @property
    def signs_only(self) -> bool:
        """Whether no other use can be written into its certificate."""
        return self.own is not None or isinstance(_foreign(self.info), SIGNING_ONLY)

    @property
    def title(self) -> str:
        """What it is, for people."""
        if isinstance(self.own, HssPublicKey):
            levels = f"HSS of {self.own.levels} levels, " if self.own.levels > 1 else "LMS "
            return f"{levels}{self.own.key.tree.name} {self.own.key.ots.name}"
        if self.own is not None:
            return of_public_key(self.own).standard_name
        return _title(_foreign(self.info))

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature in the form that containers have is one of this key of ours."""
        if isinstance(self.own, HssPublicKey):
            return _hss_verifies(self.own, message, signature)
        return self.own is not None and _mldsa_verifies(self.own, message, signature)


def _hss_verifies(key: HssPublicKey, message: bytes, signature: bytes) -> bool:
    try:
        made = HssSignature.decode(signature)
        return hss.verifies(engines.select(), key, [message], made)
    except ParameterError:
        return False


def _mldsa_verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    parameters = of_public_key(key)
    if len(signature) != parameters.signature_bytes:
        return False
    mu = representative(key, message)
    return mldsa_engines.select().verify(parameters, key, mu, signature)


def _foreign(info: bytes) -> Any:
    try:
        return load_der_public_key(info)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _title(key: Any) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey") if key else "of an unknown algorithm"

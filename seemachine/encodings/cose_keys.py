"""COSE_Key: HSS/LMS keys as RFC 8778 has them, ML-DSA keys as RFC 9964 has them."""

from typing import Any

from seemachine.encodings import cbor
from seemachine.encodings.cbor import CborError
from seemachine.encodings.kinds import FormError, Key
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MLDSA_SETS, MldsaError, of_public_key

# Labels of what all keys have, and of these two types (RFC 9052 7.1; RFC 8778 3; RFC 9964 3).
KTY, KID, ALG, PUB, PRIV = 1, 2, 3, -1, -2
HSS_LMS, AKP = 5, 7
ALG_HSS_LMS = -46
ALG_MLDSA = {44: -48, 65: -49, 87: -50}
_SETS = {ALG_MLDSA[each.number]: each for each in MLDSA_SETS}


def written(key: Key) -> bytes:
    """Deterministic CBOR: type, algorithm and public key, nothing else."""
    if isinstance(key, HssPublicKey):
        return cbor.encoded({KTY: HSS_LMS, ALG: ALG_HSS_LMS, PUB: key.encode()})
    algorithm = ALG_MLDSA[of_public_key(key).number]
    return cbor.encoded({KTY: AKP, ALG: algorithm, PUB: key})


def public_key(data: bytes) -> Key | None:
    """The key of a COSE_Key, whatever else it has; None for one of another type, and for what is
    not CBOR. Raises FormError for one of ours that is damaged, or private.
    """
    found = _map(data)
    if found is None or found.get(KTY) not in (HSS_LMS, AKP):
        return None
    if PRIV in found:
        raise FormError("a private COSE_Key; only public keys are read")
    if not isinstance(found.get(KID, b""), bytes):
        raise FormError(f"a COSE_Key whose kid is {found[KID]!r}, where there must be bytes")
    encoded = found.get(PUB)
    if not isinstance(encoded, bytes):
        raise FormError("a COSE_Key without its public key")
    try:
        return _hss(found, encoded) if found[KTY] == HSS_LMS else _mldsa(found, encoded)
    except (ParameterError, MldsaError) as error:
        raise FormError(f"a damaged COSE_Key: {error}") from None


def _map(data: bytes) -> dict[Any, Any] | None:
    if not data or data[0] >> 5 != cbor.MAP:
        return None
    try:
        found = cbor.decoded(data)
    except CborError:
        return None
    return found if isinstance(found, dict) else None


def _hss(found: dict[Any, Any], encoded: bytes) -> HssPublicKey:
    if found.get(ALG, ALG_HSS_LMS) != ALG_HSS_LMS:
        raise FormError(f"a COSE_Key of HSS/LMS whose algorithm is {found[ALG]!r}")
    return HssPublicKey.decode(encoded)


def _mldsa(found: dict[Any, Any], encoded: bytes) -> bytes | None:
    algorithm = found.get(ALG)
    parameters = _SETS.get(algorithm) if isinstance(algorithm, int) else None
    if parameters is None:
        # Keys of other algorithms have the same type.
        return None
    if of_public_key(encoded) is not parameters:
        raise FormError(f"a COSE_Key of {parameters.standard_name} with a key of another set")
    return encoded

"""Public keys and signatures as JSON documents of our own, which say what they are."""

import json
from typing import Any

from seemachine.encodings.kinds import LMS, MLDSA, FormError, Key, Signature
from seemachine.encodings.mldsa_signatures import set_of_signature
from seemachine.lms.hss import MAX_LEVELS, HssPublicKey, decode_either
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MldsaError, of_public_key

KEY, SIGNATURE = "seemachine public key 1", "seemachine signature 1"


def written_key(key: Key) -> bytes:
    """Its parameter sets by name, its levels, and its bytes in hexadecimal: of LMS the key of the
    top tree (RFC 8554 5.3).
    """
    return _document({"format": KEY, **_of_key(key)})


def written_signature(signature: Signature) -> bytes:
    """The same of a signature: of LMS plain where it has one level (RFC 8554 5.4), else HSS
    (6.2).
    """
    return _document({"format": SIGNATURE, **_of_signature(signature)})


def key_in(data: bytes) -> Key | None:
    """The key of a document; None for any other text. Raises FormError for a damaged one."""
    found = _fields(data, KEY)
    if found is None:
        return None
    try:
        encoded = _bytes(found, "public_key")
        key = (
            encoded
            if _is_of_mldsa(found)
            else HssPublicKey(_levels(found), PublicKey.decode(encoded))
        )
        _refuse_other(found, _of_key(key))
    except (ParameterError, MldsaError) as error:
        raise FormError(f"a damaged document of a public key: {error}") from None
    return key


def signature_in(data: bytes) -> Signature | None:
    """The signature of a document; None for any other text. Raises FormError for a damaged one."""
    found = _fields(data, SIGNATURE)
    if found is None:
        return None
    try:
        encoded = _bytes(found, "signature")
        made = encoded if _is_of_mldsa(found) else decode_either(encoded)[1]
        _refuse_other(found, _of_signature(made))
    except ParameterError as error:
        raise FormError(f"a damaged document of a signature: {error}") from None
    return made


def _of_key(key: Key) -> dict[str, Any]:
    if isinstance(key, bytes):
        code = of_public_key(key).name
        return {"algorithm": MLDSA, "mldsacode": code, "public_key": key.hex()}
    sets = {"lmscode": key.key.tree.name, "lmotscode": key.key.ots.name}
    return {"algorithm": LMS, "levels": key.levels, **sets, "public_key": key.key.encode().hex()}


def _of_signature(made: Signature) -> dict[str, Any]:
    if isinstance(made, bytes):
        found = set_of_signature(made)
        if found is None:
            raise FormError(f"no ML-DSA signature has {len(made)} bytes like these")
        return {"algorithm": MLDSA, "mldsacode": found.name, "signature": made.hex()}
    last = made.signatures[-1]
    encoded = last.encode() if made.levels == 1 else made.encode()
    return {
        "algorithm": LMS,
        "levels": made.levels,
        "lmscode": last.tree.name,
        "lmotscode": last.ots.name,
        "leaf": last.leaf,
        "signature": encoded.hex(),
    }


def _document(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, indent=2).encode() + b"\n"


def _fields(data: bytes, format_: str) -> dict[str, Any] | None:
    """A document of this format; None for anything else."""
    if data.lstrip()[:1] != b"{" or format_.encode() not in data:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("format") == format_ else None


def _bytes(found: dict[str, Any], name: str) -> bytes:
    given = found.get(name)
    try:
        return bytes.fromhex(given if isinstance(given, str) else "-")
    except ValueError:
        raise FormError(f"a document whose {name} is not hexadecimal") from None


def _is_of_mldsa(found: dict[str, Any]) -> bool:
    return found.get("algorithm") == MLDSA


def _levels(found: dict[str, Any]) -> int:
    levels = found.get("levels", 1)
    if type(levels) is not int or not 1 <= levels <= MAX_LEVELS:
        raise FormError(
            f"a document of a key with {levels!r} levels, where 1 to {MAX_LEVELS} may be"
        )
    return levels


def _refuse_other(found: dict[str, Any], meant: dict[str, Any]) -> None:
    """Raises FormError where a document says of its value what its bytes do not."""
    for name in meant.keys() - {"public_key", "signature"}:
        said = found.get(name, meant[name])
        if said != meant[name]:
            raise FormError(f"a document that says {name} {said!r}, and its bytes {meant[name]!r}")

"""What a public key or a signature is, in a line for people."""

from seemachine.encodings.kinds import RecognizedKey, RecognizedSignature
from seemachine.encodings.mldsa_signatures import set_of_signature
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.mldsa.parameters import of_public_key


def described(found: RecognizedKey | RecognizedSignature) -> str:
    """Such as `public key of LMS, sha256_m32_h5 sha256_n32_w8, as pem`."""
    if isinstance(found, RecognizedKey):
        return f"public key of {_of_key(found)}, as {found.form}"
    return f"signature of {_of_signature(found)}, as {found.form}"


def _of_key(found: RecognizedKey) -> str:
    if not isinstance(found.key, HssPublicKey):
        return of_public_key(found.key).standard_name
    return _name(found.key.levels, f"{found.key.key.tree.name} {found.key.key.ots.name}")


def _of_signature(found: RecognizedSignature) -> str:
    if not isinstance(found.signature, HssSignature):
        parameters = set_of_signature(found.signature)
        return parameters.standard_name if parameters else "ML-DSA"
    last = found.signature.signatures[-1]
    return f"{_name(found.signature.levels, f'{last.tree.name} {last.ots.name}')}, leaf {last.leaf}"


def _name(levels: int, sets: str) -> str:
    return f"LMS, {sets}" if levels == 1 else f"HSS with {levels} levels, {sets}"

"""Whether a signature is one of a key over a target: what Caliptra's ROM would say."""

from collections.abc import Iterable

from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.keys import CaliptraKey
from seemachine.caliptra.requests import Target
from seemachine.lms import engines
from seemachine.lms.hss import HssSignature
from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import ParameterError
from seemachine.lms.verifying import candidate_root
from seemachine.mldsa import engines as mldsa_engines
from seemachine.mldsa.engines import MldsaEngineError
from seemachine.mldsa.hashing import representative
from seemachine.mldsa.parameters import of_public_key


def why_not(key: CaliptraKey, target: Target, signature: bytes) -> str:
    """Why it is not a signature of the key over the target, as a phrase; nothing when it is one.

    Raises CaliptraError where nothing here can tell.
    """
    message = key.message_of(target)
    if key.lms is None:
        return _why_not_mldsa(key.data, message, signature)
    return _why_not_lms(key.lms, message, signature)


def reused(made: Iterable[tuple[CaliptraKey, Target, bytes]]) -> dict[str, str]:
    """Of good signatures, by target, those whose leaf signed two digests of them, with a phrase.

    Whoever has both can sign more: a signer that keeps no state makes such.
    """
    digests: dict[tuple[bytes, int], set[bytes]] = {}
    leaves = {
        target.name: (key.data, Signature.decode(each).leaf, target.digest)
        for key, target, each in made
        if key.lms is not None
    }
    for data, leaf, digest in leaves.values():
        digests.setdefault((data, leaf), set()).add(digest)
    return {
        name: f"leaf {leaf} of its key signed {len(digests[data, leaf])} digests here, so anybody"
        " can forge signatures of that key; replace the key"
        for name, (data, leaf, _) in leaves.items()
        if len(digests[data, leaf]) > 1
    }


def _why_not_lms(key: PublicKey, message: bytes, signature: bytes) -> str:
    try:
        made = Signature.decode(signature)
        root = candidate_root(engines.select(), key, [message], signature)
    except ParameterError as error:
        return _why_no_signature(signature, error)
    if root == key.root:
        return ""
    return f"leaf {made.leaf} of some key made it, and not of this key over this digest"


def _why_no_signature(signature: bytes, error: ParameterError) -> str:
    try:
        HssSignature.decode(signature)
    except ParameterError:
        return str(error)
    return "it is an HSS signature, and Caliptra takes the plain one: without its first 4 bytes"


def _why_not_mldsa(key: bytes, message: bytes, signature: bytes) -> str:
    parameters = of_public_key(key)
    made = unpadded(signature, parameters.signature_bytes)
    if len(made) != parameters.signature_bytes:
        name, size = parameters.standard_name, parameters.signature_bytes
        return f"it has {len(signature)} bytes, and a signature of {name} {size}"
    try:
        mu = representative(key, message)
        good = mldsa_engines.select().verify(parameters, key, mu, made)
    except MldsaEngineError as error:
        raise CaliptraError(str(error)) from None
    return "" if good else "it is not of this key over this payload"


def unpadded(signature: bytes, size: int) -> bytes:
    """Without the zero that fills up the last word of Caliptra's field, which its own signer writes
    too.
    """
    return signature[:size] if signature[size:] == b"\0" else signature

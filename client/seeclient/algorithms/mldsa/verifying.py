"""Checking ML-DSA signatures without a machine."""

from seeclient.algorithms.mldsa.checking import VERIFY, is_good, representative
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.message import Message
from seeclient.refusals import NotVerified, OfAnotherKey, SignatureNotRecognized
from seemachine.mldsa.parameters import MLDSA_SETS, of_public_key
from seemachine.wire.status import Status


def check(public_key: bytes, message: Message, signature: bytes, name: str, context: bytes) -> str:
    """Check a signature with a public key. Returns its encoding, ML-DSA.

    Raises NotVerified, OfAnotherKey, and SignatureNotRecognized for what is none at all, which is
    called so by its `name`.
    """
    parameters = of_public_key(public_key)
    size, wanted = len(signature), parameters.signature_bytes
    if size != wanted:
        detail = f"{name} has {size} bytes, and a signature of {parameters.standard_name} {wanted}"
        kind = OfAnotherKey if is_signature(signature) else SignatureNotRecognized
        raise kind(Status.VerifyFailed, detail, VERIFY)
    mu = representative(public_key, message, context)
    if not is_good(public_key, mu, signature):
        under = " under this context" if context else ""
        detail = f"{name} is not a signature of this key over this message{under}"
        raise NotVerified(Status.VerifyFailed, detail, VERIFY)
    return MldsaKeyFile.algorithm


def is_signature(data: bytes) -> bool:
    """Whether this is as long as a signature of any set."""
    return len(data) in {each.signature_bytes for each in MLDSA_SETS}

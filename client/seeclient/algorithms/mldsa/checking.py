"""What an ML-DSA signature is of, and whether it is one."""

from seeclient.message import Message
from seemachine.mldsa import engines
from seemachine.mldsa.engines import MldsaEngineError
from seemachine.mldsa.hashing import finish_message, start_message
from seemachine.mldsa.parameters import MldsaError, of_public_key
from seemachine.wire.messages import SignMldsa
from seemachine.wire.status import Status, StatusError

VERIFY = "mldsa_public_verify"


def representative(public_key: bytes, message: Message, context: bytes) -> bytes:
    """What is signed of a message (FIPS 204 algorithm 7, line 6). Raises StatusError."""
    try:
        running = start_message(public_key, context)
    except MldsaError as error:
        raise StatusError(Status.InvalidParameter, str(error), SignMldsa.NAME) from None
    for piece in message.pieces():
        running.update(piece)
    return finish_message(running)


def is_good(public_key: bytes, mu: bytes, signature: bytes) -> bool:
    """Whether a signature is one of a representative. Raises StatusError where nothing here can
    tell.
    """
    parameters = of_public_key(public_key)
    if len(signature) != parameters.signature_bytes:
        return False
    try:
        return engines.select().verify(parameters, public_key, mu, signature)
    except MldsaEngineError as error:
        raise StatusError(Status.NotAvailable, str(error), VERIFY) from None

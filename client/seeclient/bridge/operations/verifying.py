"""Checks of signatures, on this host."""

from seeclient import operations, verifying
from seeclient.bridge.algorithm_names import read_kind
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import key_of
from seeclient.message import Message
from seemachine.wire.status import Status, StatusError


def verify_(
    errand: Errand,
    *,
    alias: str,
    public_hash: str,
    message: bytes,
    signature: bytes,
    context: bytes,
) -> list[Field]:
    """1 for a signature of a key of this host, else 0."""
    key = key_of(errand.keys, alias, public_hash)
    try:
        operations.verify(key, Message(message), signature, context=context)
    except StatusError as refused:
        return _no(refused)
    return [1]


def verify_immediate_(
    errand: Errand,
    *,
    public_key: bytes,
    algorithm: str,
    message: bytes,
    signature: bytes,
    context: bytes,
) -> list[Field]:
    """1 for a signature of a public key that is given, else 0."""
    del errand
    try:
        verifying.verify(
            message, signature, public_key, algorithm=read_kind(algorithm), context=context
        )
    except StatusError as refused:
        return _no(refused)
    return [1]


def _no(refused: StatusError) -> list[Field]:
    if refused.status is not Status.VerifyFailed:
        raise refused
    return [0]

"""Checking signatures without a machine: `verify=...` (guide 2.7.1)."""

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.message import Message
from seemachine.lms import engines, hss
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.wire.status import Status, StatusError

VERIFY = "lms_public_verify"


def verify(key: LmsKeyFile, message: Message, signature: bytes, name: str) -> str:
    """Check a signature here, without a machine; see `check`. A key of a machine is an HSS key of
    one level.
    """
    return check(HssPublicKey(1, key.key), message, signature, name)


def check(key: HssPublicKey, message: Message, signature: bytes, name: str) -> str:
    """Check a signature with a public key. Returns its encoding, LMS or HSS.

    Raises StatusError (VerifyFailed), with the guide's words when the roots differ. What is not a
    signature at all is called so by its `name`.
    """
    try:
        encoding, made = hss.decode_either(signature)
    except ParameterError as error:
        raise StatusError(Status.VerifyFailed, f"{name} is {error}", VERIFY) from None
    of_hss = "HSS: " if encoding == hss.HSS else ""
    roots = hss.candidate_roots(engines.select(), key, message.pieces(), made)
    try:
        wrong = next((both for both in roots if both[0] != both[1]), None)
    except ParameterError as error:
        raise StatusError(Status.VerifyFailed, f"{of_hss}{error}", VERIFY) from None
    if wrong is not None:
        expected, computed = map(_words, wrong)
        detail = f"{of_hss}expected {expected} but computed {computed}"
        raise StatusError(Status.VerifyFailed, detail, VERIFY)
    return encoding


def is_signature(data: bytes) -> bool:
    """Whether this has the form of a signature, LMS or HSS."""
    try:
        hss.decode_either(data)
    except ParameterError:
        return False
    return True


def _words(data: bytes) -> str:
    return data.hex(":", -4)

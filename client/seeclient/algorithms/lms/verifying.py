"""Checking signatures without a machine: `verify=...` (guide 2.7.1), one or many."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeclient.message import Message
from seeclient.refusals import NotVerified, OfAnotherKey, SignatureNotRecognized
from seemachine.lms import engines, hss
from seemachine.lms.bulk import Case, Wrong, case_of, judge
from seemachine.lms.engines import Engine
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seeclient.algorithms.lms.keyfile import LmsKeyFile

VERIFY = "lms_public_verify"


def verify(key: "LmsKeyFile", message: Message, signature: bytes, name: str) -> str:
    """Check a signature here, without a machine; see `check`. A key of a machine is an HSS key of
    one level.
    """
    return check(HssPublicKey(1, key.key), message, signature, name)


def check(key: HssPublicKey, message: Message, signature: bytes, name: str) -> str:
    """Check a signature with a public key. Returns its encoding, LMS or HSS.

    Raises NotVerified, with the guide's words, when the roots differ; OfAnotherKey;
    SignatureNotRecognized for what is none at all, which is called so by its `name`.
    """
    try:
        encoding, made = hss.decode_either(signature)
    except ParameterError as error:
        raise no_signature(name, error) from None
    roots = hss.candidate_roots(engines.select(), key, message.pieces(), made)
    try:
        wrong = next((both for both in roots if both[0] != both[1]), None)
    except ParameterError as error:
        raise other_sets(encoding, error) from None
    if wrong is not None:
        raise other_root(encoding, *wrong)
    return encoding


# Whether a signature is one of a key over a message: plain tuples, as there are many of them.
Question = tuple[HssPublicKey, bytes | Path, bytes]


def check_many(
    engine: Engine, questions: Sequence[Question], name: str
) -> list[StatusError | None]:
    """Of each question, in order, what `check` raises, if it raises anything; in wide calls."""
    found = [_case(question, name) for question in questions]
    cases = [case for case in found if isinstance(case, Case)]
    verdicts = iter(judge(engine, cases))
    return [
        case if isinstance(case, StatusError) else _refusal(case, next(verdicts)) for case in found
    ]


def _case(question: Question, name: str) -> Case | StatusError:
    key, message, signature = question

    def hashing(running: Any) -> StatusError | None:
        if isinstance(message, bytes):
            running.update(message)
            return None
        return _hash_file(Message(message), running)

    try:
        return case_of(key, signature, hashing)
    except ParameterError as error:
        return no_signature(name, error)


def _hash_file(message: Message, running: Any) -> StatusError | None:
    try:
        for piece in message.pieces():
            running.update(piece)
    except StatusError as error:
        return error
    return None


def _refusal(case: Case, verdict: Wrong | Exception | None) -> StatusError | None:
    if isinstance(verdict, Wrong):
        return other_root(case.encoding, verdict.expected, verdict.computed)
    if isinstance(verdict, ParameterError):
        return other_sets(case.encoding, verdict)
    if verdict is None or isinstance(verdict, StatusError):
        return verdict
    raise verdict


def no_signature(name: str, error: ParameterError) -> SignatureNotRecognized:
    """The refusal of what has not even the form of a signature."""
    return SignatureNotRecognized(Status.VerifyFailed, f"{name} is {error}", VERIFY)


def other_sets(encoding: str, error: ParameterError) -> OfAnotherKey:
    """The refusal of what can't be a signature of the key."""
    return OfAnotherKey(Status.VerifyFailed, f"{_of_hss(encoding)}{error}", VERIFY)


def other_root(encoding: str, expected: bytes, computed: bytes) -> NotVerified:
    """The refusal, in the guide's words, of a signature that leads to another root."""
    detail = f"expected {_words(expected)} but computed {_words(computed)}"
    return NotVerified(Status.VerifyFailed, f"{_of_hss(encoding)}{detail}", VERIFY)


def _of_hss(encoding: str) -> str:
    return "HSS: " if encoding == hss.HSS else ""


def is_signature(data: bytes) -> bool:
    """Whether this has the form of a signature, LMS or HSS."""
    try:
        hss.decode_either(data)
    except ParameterError:
        return False
    return True


def _words(data: bytes) -> str:
    return data.hex(":", -4)

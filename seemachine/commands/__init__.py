"""What can be asked of a machine: request in, reply out, plain functions.

`table.COMMANDS` is the whole list. A request without a function is a TypeError here, at import.
"""

from typing import TypeVar

from seemachine.commands import (
    destroying,
    generate,
    hello,
    mldsa,
    nvmem,
    provision,
    quarantine,
    resume,
    signing,
    slots,
    tokens,
)
from seemachine.commands.table import COMMANDS, check_whole, handler_of
from seemachine.lms.generation import Stopped
from seemachine.lms.parameters import ParameterError
from seemachine.machine import Session
from seemachine.mldsa.engines import MldsaEngineError
from seemachine.mldsa.parameters import MldsaError
from seemachine.process.shortage import lacking
from seemachine.state.errors import (
    CardError,
    FileExists,
    LeaseGone,
    LeaseQuarantined,
    LeaseSpent,
    NotAcknowledged,
    NothingToAcknowledge,
    StateError,
    StateFailed,
    TokenSpent,
)
from seemachine.wire.fields import Record
from seemachine.wire.requests import REQUESTS, Request
from seemachine.wire.status import Status, StatusError

__all__ = [
    "COMMANDS",
    "STATUSES",
    "answer",
    "destroying",
    "generate",
    "hello",
    "mldsa",
    "nvmem",
    "provision",
    "quarantine",
    "refusal",
    "resume",
    "signing",
    "slots",
    "tokens",
]

Reply = TypeVar("Reply", bound=Record)

# Every family is imported above, and with it every function.
check_whole(REQUESTS.values())

# The first that fits. What is not here is a bug of ours.
STATUSES: tuple[tuple[type[Exception], Status], ...] = (
    (ParameterError, Status.InvalidParameter),
    (MldsaError, Status.InvalidParameter),
    (MldsaEngineError, Status.NotAvailable),
    (Stopped, Status.TimeLimitExceeded),
    (FileExists, Status.ObjectInUse),
    (LeaseSpent, Status.UseLimitExceeded),
    (LeaseGone, Status.UseLimitExceeded),
    (NotAcknowledged, Status.UseLimitExceeded),
    (NothingToAcknowledge, Status.InvalidParameter),
    (LeaseQuarantined, Status.AccessDenied),
    (TokenSpent, Status.ObjectInUse),
    (CardError, Status.NotAvailable),
    (StateFailed, Status.OSErrorErrno),
    (StateError, Status.Malformed),
    (OSError, Status.OSErrorErrno),
)


def answer(session: Session, request: Request[Reply]) -> Reply | StatusError:
    """The reply to a request, or the StatusError that refuses it.

    Nothing else leaves here; a bug's traceback is the error's cause.
    """
    try:
        return handler_of(request)(session, request)
    except Exception as error:  # noqa: BLE001
        return refusal(request, error)


def refusal(request: Request[Record], error: Exception) -> StatusError:
    """The one place where errors of the machine become statuses of the wire."""
    where = request.WHERE
    if isinstance(error, StatusError):
        return StatusError(error.status, _within(error.detail, where), where)
    if lack := lacking(error):
        detail = f"the machine is out of {lack}"
        return StatusError(Status.OSErrorErrno, f"{_within(detail, where)}; try again later", where)
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return StatusError(status, _within(str(error) or kind.__name__, where), where)
    failure = StatusError(
        Status.Failed, _within("an internal error; the machine's log has it", where), where
    )
    failure.__cause__ = error
    return failure


def _within(detail: str, where: str) -> str:
    """The guide's `... in command`, before any advice that follows a semicolon."""
    what, semicolon, advice = detail.partition("; ")
    return f"{what} in {where}{semicolon}{advice}"

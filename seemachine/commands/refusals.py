"""The one place where errors of the machine become statuses of the wire."""

from seemachine.lms.generation import Stopped
from seemachine.lms.parameters import ParameterError
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
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import Status, StatusError

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


def refusal(request: Request[Record], error: Exception) -> StatusError:
    """What the client is told. A bug's traceback is its cause."""
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

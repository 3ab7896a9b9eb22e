"""What can be asked of a machine: request in, reply out, plain functions.

The table below is the whole list.
"""

from collections.abc import Callable
from typing import Any

from seemachine.commands import generate, hello, nvmem, provision, quarantine, resume, slots
from seemachine.lms.generation import Stopped
from seemachine.lms.parameters import ParameterError
from seemachine.machine import Session
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
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

COMMANDS: dict[type[Any], Callable[[Session, Any], Any]] = {
    m.Hello: hello.hello,
    m.GenerateLms: generate.generate,
    m.ContinueLms: generate.advance,
    m.ContinueLmsCard: generate.write_card,
    m.ResumeLms: resume.resume,
    m.DiscardLms: resume.discard,
    m.ProvisionLms: provision.provision,
    m.GetNvmemfileInfo: nvmem.info,
    m.ListNvmemfiles: nvmem.listing,
    m.WarnNvmemfile: nvmem.warn,
    m.NvmemfileSign: nvmem.sign,
    m.NvmemfileReserve: nvmem.reserve,
    m.NvmemfileSignDigest: nvmem.sign_digest,
    m.LoadLms: nvmem.load,
    m.ListSlots: slots.listing,
    m.ReadLedger: nvmem.ledger,
    m.ListQuarantine: quarantine.listing,
    m.BurnQuarantined: quarantine.burn,
    m.SkipQuarantined: quarantine.skip,
}

# Under which name the guide's machine reports an error of a command, where that is not the
# request's own.
WHERE = {"provisionLMS": "command_see_provisionLMS"}

# The first that fits. What is not here is a bug of ours.
STATUSES: tuple[tuple[type[Exception], Status], ...] = (
    (ParameterError, Status.InvalidParameter),
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


def answer(session: Session, request: Any) -> Any:
    """The reply to a request, or the StatusError that refuses it.

    Nothing else leaves here; a bug's traceback is the error's cause.
    """
    try:
        return COMMANDS[type(request)](session, request)
    except Exception as error:  # noqa: BLE001
        return refusal(request, error)


def refusal(request: Any, error: Exception) -> StatusError:
    """The one place where errors of the machine become statuses of the wire."""
    where = WHERE.get(request.NAME, request.NAME)
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

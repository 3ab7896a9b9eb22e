"""What can be asked of a machine: request in, reply out, plain functions.

`table.COMMANDS` is the whole list. A request without a function is a TypeError here, at import.
"""

from typing import TypeVar

from seemachine.commands import (
    destroying,
    fault,
    generate,
    hello,
    mldsa,
    nvmem,
    provision,
    quarantine,
    reserving,
    resume,
    signing,
    slots,
    tokens,
)
from seemachine.commands.refusals import STATUSES, refusal
from seemachine.commands.table import COMMANDS, check_whole, handler_of
from seemachine.machine import Session
from seemachine.wire.record import Record
from seemachine.wire.requests import REQUESTS, Request
from seemachine.wire.status import StatusError

__all__ = [
    "COMMANDS",
    "STATUSES",
    "answer",
    "destroying",
    "fault",
    "generate",
    "hello",
    "mldsa",
    "nvmem",
    "provision",
    "quarantine",
    "refusal",
    "reserving",
    "resume",
    "signing",
    "slots",
    "tokens",
]

Reply = TypeVar("Reply", bound=Record)

# Every family is imported above, and with it every function.
check_whole(REQUESTS.values())


def answer(session: Session, request: Request[Reply]) -> Reply | StatusError:
    """The reply to a request, or the StatusError that refuses it.

    Nothing else leaves here; a bug's traceback is the error's cause.
    """
    try:
        with session.machine.at([request.NAME]):
            return handler_of(request)(session, request)
    except Exception as error:  # noqa: BLE001
        return refusal(request, error)

"""A "no" on the wire: the fields of a StatusError, and back."""

from seemachine.wire.printable import fitting, is_word
from seemachine.wire.record import FieldError
from seemachine.wire.status import Status, StatusError

MAX_STATUS = 0xFFFFFFFF
MAX_NAME = 100
MAX_DETAIL = 1000


def refusal_fields(error: StatusError) -> dict[str, object]:
    """What a server sends."""
    return {
        "status": int(error.status),
        "name": error.name,
        # A refusal must get through, also one that names a path with a line break, or with bytes
        # that are no UTF-8.
        "detail": fitting(error.detail, MAX_DETAIL),
        "where": fitting(error.where, MAX_NAME),
    }


def refusal_from(fields: object) -> StatusError:
    """What a client received. Raises FieldError."""
    if type(fields) is not dict or fields.keys() != {"status", "name", "detail", "where"}:
        raise FieldError("refusal has the wrong fields")
    number, limits = fields["status"], {"name": MAX_NAME, "detail": MAX_DETAIL, "where": MAX_NAME}
    if type(number) is not int or not 0 <= number <= MAX_STATUS:
        raise FieldError("refusal has a wrong status")
    if not all(
        type(fields[name]) is str and len(fields[name]) <= most for name, most in limits.items()
    ):
        raise FieldError("refusal has a wrong text")
    known = number in Status.__members__.values() and number != Status.OK
    # A status of a newer machine still reaches the user, under its own name in the sentence.
    detail = fields["detail"] if known else f"{fields['name']}: {fields['detail']}"
    # Not refused for its characters, which StatusError makes printable: whoever is told no should
    # hear why.
    where = fields["where"] if is_word(fields["where"]) else ""
    return StatusError(Status(number) if known else Status.Failed, detail, where)

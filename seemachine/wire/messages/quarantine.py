"""What may have been used elsewhere, and the two ways out of it."""

from seemachine.wire.fields import number, octets, records, text, wire_class
from seemachine.wire.messages.sizes import MAX_LABEL, MAX_REASON, MAX_SUSPECTS, U32
from seemachine.wire.names import FILE_NAME_BYTES
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class Suspect(Record):
    """Something in quarantine: an NVRAM file, or with `label` a half-made key (all
    numbers 0 then).
    """

    file: bytes = octets(0, FILE_NAME_BYTES)
    label: str = text(MAX_LABEL)
    first: int = number(0, U32)
    next: int = number(0, U32)
    end: int = number(0, U32)
    reason: str = text(MAX_REASON)


@wire_class
class QuarantineListing(Record):
    """What of a machine is in quarantine, in order; fewer than MAX_SUSPECTS at the end."""

    suspects: list[Suspect] = records(Suspect, MAX_SUSPECTS)


@wire_class
class ListQuarantine(
    Request[QuarantineListing],
    name="quarantine_list",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
):
    """Ask what is in quarantine, and why, after the first `after` of it."""

    after: int = number(0, U32)


@wire_class
class QuarantineBurned(Record):
    """It is destroyed, with all leaves that it had: `lost` of them, as far as known."""

    lost: int = number(0, U32)


@wire_class
class BurnQuarantined(
    Request[QuarantineBurned],
    name="quarantine_burn",
    least=ClientRole.ADMIN,
    effect=Effect.CHANGES,
    again=Again.NEVER,
):
    """Destroy something in quarantine: an NVRAM file by `file`, a half-made key by `label`; the
    other one is empty.
    """

    file: bytes = octets(0, FILE_NAME_BYTES)
    label: str = text(MAX_LABEL)


@wire_class
class QuarantineSkipped(Record):
    """The file goes on; `remaining` leaves are left."""

    remaining: int = number(0, U32)


@wire_class
class SkipQuarantined(
    Request[QuarantineSkipped],
    name="quarantine_skip",
    least=ClientRole.ADMIN,
    effect=Effect.CHANGES,
    again=Again.NEVER,
):
    """End the quarantine of a file by going on at `leaf`, which must be later than
    where it stands.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    leaf: int = number(1, U32)

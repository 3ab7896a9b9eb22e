"""What goes wrong on purpose: for tests of whoever uses a machine."""

from seemachine.wire.fields import flag, records, text, wire_class
from seemachine.wire.fields import number as whole
from seemachine.wire.messages.sizes import MAX_FAULT, MAX_FAULTS, MAX_LATENCY, U32, U64
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class InjectedFault(Record):
    """A fault of a machine: its number there, its line, how many requests or places it met, at how
    many of them it happened, and whether it may happen again.
    """

    number: int = whole(1, U32)
    fault: str = text(MAX_FAULT)
    met: int = whole(0, U64)
    fired: int = whole(0, U64)
    spent: bool = flag()


@wire_class
class AddFault(
    Request[InjectedFault],
    name="fault_add",
    least=ClientRole.ADMIN,
    effect=Effect.CHANGES,
    again=Again.NEVER,
):
    """Have something go wrong, as a line says: `drop-after on=signing times=1`.

    Refused by a machine that was not started with fault injection.
    """

    fault: str = text(MAX_FAULT)


@wire_class
class FaultListing(Record):
    """The faults of a machine, the oldest first, fewer than MAX_FAULTS at the end; and how slow it
    is told to be, empty when it is not.
    """

    faults: list[InjectedFault] = records(InjectedFault, MAX_FAULTS)
    latency: str = text(MAX_LATENCY)


@wire_class
class ListFaults(
    Request[FaultListing],
    name="fault_list",
    least=ClientRole.ADMIN,
    effect=Effect.LOOKS,
    again=Again.FREELY,
    at_once=True,
):
    """Ask which faults there are, after the first `after` of them."""

    after: int = whole(0, U32)


@wire_class
class FaultsCleared(Record):
    """So many faults are gone."""

    cleared: int = whole(0, U32)


@wire_class
class ClearFaults(
    Request[FaultsCleared],
    name="fault_clear",
    least=ClientRole.ADMIN,
    effect=Effect.CHANGES,
    again=Again.FREELY,
):
    """Take away a fault by its number, or with 0 all of them."""

    number: int = whole(0, U32)

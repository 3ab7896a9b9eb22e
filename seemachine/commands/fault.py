"""fault_add, fault_list, fault_clear: what goes wrong on purpose."""

from typing import TYPE_CHECKING

from seemachine.commands.table import command
from seemachine.machine import Session
from seemachine.wire.messages import (
    MAX_FAULTS,
    AddFault,
    ClearFaults,
    FaultListing,
    FaultsCleared,
    InjectedFault,
    ListFaults,
)
from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seemachine.faults import Injected, Injector


@command
def add(session: Session, request: AddFault) -> InjectedFault:
    """Refuses a line that says no fault with InvalidParameter."""
    from seemachine.faults import FaultError

    injector = _injector(session)
    try:
        return _told(injector.add(request.fault))
    except FaultError as error:
        raise StatusError(Status.InvalidParameter, str(error)) from None


@command
def listing(session: Session, request: ListFaults) -> FaultListing:
    """Those that happen no more too, until they are cleared."""
    injector = _looked_at(session)
    found = injector.listing()[request.after : request.after + MAX_FAULTS]
    return FaultListing(faults=[_told(each) for each in found], latency=injector.latency)


@command
def clear(session: Session, request: ClearFaults) -> FaultsCleared:
    """Refuses a number that no fault has with UnknownID."""
    cleared = _looked_at(session).clear(request.number)
    if request.number and not cleared:
        raise StatusError(
            Status.UnknownID,
            f"no fault has the number {request.number}; see: seemachine fault list",
        )
    return FaultsCleared(cleared=cleared)


def _injector(session: Session) -> "Injector":
    """Raises StatusError for a machine that takes no faults."""
    injector = _looked_at(session)
    if not injector.takes_more:
        raise _refusal(session)
    return injector


def _looked_at(session: Session) -> "Injector":
    """Also that of a machine that is slow, and takes no faults. Raises StatusError."""
    injector = session.machine.faults
    if injector is None:
        raise _refusal(session)
    return injector


def _refusal(session: Session) -> StatusError:
    return StatusError(
        Status.NotAvailable,
        f"{session.machine.esn} takes no faults; stop it, and start it with --fault-injection, as"
        " in: seemachine fleet down; seemachine fleet up --fault-injection",
    )


def _told(injected: "Injected") -> InjectedFault:
    return InjectedFault(
        number=injected.number,
        fault=injected.fault.text,
        met=injected.met,
        fired=injected.fired,
        spent=injected.spent,
    )

"""The quarantine family: what may have been used elsewhere, and the two ways out of it.

None of them leads back.
"""

from seemachine.commands.leases import problem_of
from seemachine.commands.table import command
from seemachine.machine import Machine, Session
from seemachine.state.errors import LeaseSpent
from seemachine.wire.messages import (
    MAX_LABEL,
    MAX_REASON,
    MAX_SUSPECTS,
    BurnQuarantined,
    ListQuarantine,
    QuarantineBurned,
    QuarantineListing,
    QuarantineSkipped,
    SkipQuarantined,
    Suspect,
)
from seemachine.wire.names import printed_name
from seemachine.wire.printable import fitting
from seemachine.wire.status import Status, StatusError


def inspect(machine: Machine) -> list[str]:
    """At a machine's start: put into quarantine what goes with a doubt about its NVRAM, and leases
    that can't be ones.

    Returns the reasons.
    """
    doubt = machine.store.doubt
    if doubt:
        machine.checkpoints.suspend(doubt)
        machine.store.end_doubt()
    for name in machine.store.names():
        file = machine.store.get(name)
        problem = "" if file is None or file.quarantine else problem_of(file.lease)
        if problem:
            machine.store.quarantine(name, problem)
    files = [
        file for name in machine.store.names() if (file := machine.store.get(name)) is not None
    ]
    return sorted({doubt, *(file.quarantine for file in files)} - {""})


@command
def listing(session: Session, request: ListQuarantine) -> QuarantineListing:
    """NVRAM files first, then half-made keys."""
    machine = session.machine
    files = [
        file
        for name in machine.store.names()
        if (file := machine.store.get(name)) is not None and file.quarantine
    ]
    suspects = [
        Suspect(
            file.name,
            "",
            file.lease.first,
            file.next,
            file.lease.end,
            fitting(file.quarantine, MAX_REASON),
        )
        for file in files
    ]
    for label, reason in machine.checkpoints.suspended():
        suspects.append(
            Suspect(
                file=b"",
                label=fitting(label, MAX_LABEL),
                first=0,
                next=0,
                end=0,
                reason=fitting(reason, MAX_REASON),
            )
        )
    return QuarantineListing(suspects=suspects[request.after : request.after + MAX_SUSPECTS])


@command
def burn(session: Session, request: BurnQuarantined) -> QuarantineBurned:
    """Destroy a file, or acknowledge that a half-made key is gone.

    Refuses what is not in quarantine.
    """
    machine = session.machine
    if request.label:
        if request.label not in dict(machine.checkpoints.suspended()):
            raise StatusError(
                Status.UnknownID, f"no half-made key {request.label} is in quarantine"
            )
        machine.checkpoints.discard_suspended(request.label)
        return QuarantineBurned(lost=0)
    lost = _suspect(session, request.file)
    machine.store.delete(request.file)
    return QuarantineBurned(lost=lost)


@command
def skip(session: Session, request: SkipQuarantined) -> QuarantineSkipped:
    """Go on at a later leaf. Refuses an earlier one with InvalidParameter."""
    _suspect(session, request.file)
    try:
        session.machine.store.skip(request.file, request.leaf)
    except LeaseSpent as error:
        raise StatusError(Status.InvalidParameter, str(error)) from None
    file = session.machine.store.get(request.file)
    return QuarantineSkipped(remaining=file.remaining if file is not None else 0)


def _suspect(session: Session, name: bytes) -> int:
    """The leaves left of a file in quarantine."""
    file = session.machine.store.get(name)
    if file is None or not file.quarantine:
        raise StatusError(
            Status.UnknownID,
            f"no NVRAM file {printed_name(name)} is in quarantine on {session.machine.esn}",
        )
    return file.remaining

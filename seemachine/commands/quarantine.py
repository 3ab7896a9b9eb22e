"""The quarantine family: what may have been used elsewhere, and the two ways out of it.

None of them leads back.
"""

from seemachine.chance.mark import is_marked_key, other_kind
from seemachine.commands.leases import problem_of
from seemachine.commands.table import command
from seemachine.machine import Machine, Session
from seemachine.state.errors import LeaseSpent, StateForeign
from seemachine.state.records import NvramFile
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

    Returns the reasons. Raises StateForeign where the NVRAM is of a world of another kind: seeded
    or real.
    """
    _refuse_other_kind(machine)
    doubt = machine.store.doubt
    if doubt:
        machine.checkpoints.suspend(doubt)
        machine.store.end_doubt()
    for file in _files(machine):
        problem = "" if file.quarantine else problem_of(file.lease)
        if problem:
            machine.store.quarantine(file.name, problem)
    return sorted({doubt, *(file.quarantine for file in _files(machine))} - {""})


def _refuse_other_kind(machine: Machine) -> None:
    for file in _files(machine):
        marked = is_marked_key(file.lease.public_key)
        if marked != bool(machine.seed):
            what, world = f"NVRAM file {printed_name(file.name)}", str(machine.slots.world)
            raise StateForeign(f"{machine.esn}: {other_kind(what, world, marked=marked)}")


@command
def listing(session: Session, request: ListQuarantine) -> QuarantineListing:
    """NVRAM files first, then half-made keys."""
    machine = session.machine
    files = [_file(file) for file in _files(machine) if file.quarantine]
    keys = [_half_made_key(*each) for each in machine.checkpoints.suspended()]
    suspects = [*files, *keys]
    return QuarantineListing(suspects=suspects[request.after : request.after + MAX_SUSPECTS])


def _files(machine: Machine) -> list[NvramFile]:
    store = machine.store
    return [file for name in store.names() if (file := store.get(name)) is not None]


def _file(file: NvramFile) -> Suspect:
    lease, reason = file.lease, fitting(file.quarantine, MAX_REASON)
    return Suspect(file.name, "", lease.first, file.next, lease.end, reason)


def _half_made_key(label: str, reason: str) -> Suspect:
    return Suspect(b"", fitting(label, MAX_LABEL), 0, 0, 0, fitting(reason, MAX_REASON))


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

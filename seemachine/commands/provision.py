"""provisionLMS: a lease moves from a card into NVRAM (guide 2.7.2.1 step 5)."""

from seemachine.commands.leases import problem_of, refuse_foreign, refuse_undelegated
from seemachine.commands.table import command
from seemachine.machine import Machine, Session
from seemachine.state.records import StoredLease
from seemachine.wire.messages import LmsProvisioned, ProvisionLms
from seemachine.wire.status import Status, StatusError


@command
def provision(session: Session, request: ProvisionLms) -> LmsProvisioned:
    """Move the next lease.

    Refuses an empty card with UseLimitExceeded, and while NVRAM still holds leaves of the key.
    """
    machine = session.machine
    with machine.provisioning:
        lease = machine.slots.next_lease(request.slot)
        if lease is None:
            raise StatusError(Status.UseLimitExceeded, "no leases remaining on card")
        left = _move(machine, request.slot, lease)
    return LmsProvisioned(
        file=lease.name,
        public_key=lease.public_key,
        first=lease.first,
        end=lease.end,
        leases=left,
        warnat=lease.warnat,
    )


def _move(machine: Machine, slot: int, lease: StoredLease) -> int:
    if problem := problem_of(lease):
        # While it is still on its card.
        raise StatusError(Status.Malformed, f"the next lease on the card can't be used: {problem}")
    refuse_foreign(machine, lease)
    refuse_undelegated(machine)
    machine.store.check_install(lease)
    # The card is written before NVRAM. Swapped, a crash in between would leave the same leaves on
    # the card and in the machine.
    left = machine.slots.take_lease(slot, lease)
    machine.store.install(lease)
    return left

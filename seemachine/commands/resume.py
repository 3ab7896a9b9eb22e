"""resumeLMS, discardLMS: going on with a half-made key after its client, its machine or its host
went away.
"""

from seemachine.commands import making
from seemachine.commands.leases import refuse_undelegated
from seemachine.commands.table import command
from seemachine.machine import Machine, PendingKey, Session
from seemachine.state.half_made import is_label
from seemachine.wire.messages import DiscardLms, LmsDiscarded, LmsResumed, ResumeLms
from seemachine.wire.names import HANDLE_BYTES
from seemachine.wire.status import Status, StatusError


@command
def resume(session: Session, request: ResumeLms) -> LmsResumed:
    """Take a half-made key over: from the connection that makes it now, or from disk."""
    refuse_undelegated(session.machine)
    making.check_room(session)
    with session.machine.labels:
        pending = _take_over(session.machine, request.label)
        making.claim(session, pending)
        # Not after: another connection may have the key by then, under another handle.
        handle = pending.handle
    generation = pending.generation
    return LmsResumed(
        handle=handle,
        remaining=generation.remaining,
        lms=generation.tree.typecode,
        lmots=generation.ots.typecode,
        expcards=generation.sectors.expcards,
        explease=generation.sectors.explease,
        expchunk=generation.expchunk,
        expcache=generation.expcache,
        warnat=pending.warnat,
    )


@command
def discard(session: Session, request: DiscardLms) -> LmsDiscarded:
    """Forget what is kept under a label, or find it forgotten."""
    if is_label(request.label):
        with session.machine.labels:
            making.discard(session.machine, request.label)
    return LmsDiscarded()


def _take_over(machine: Machine, label: str) -> PendingKey:
    handle = machine.random(HANDLE_BYTES)
    pending = machine.making.get(label) or making.restore(machine, label, handle)
    # A step of its former connection may still be under way; this waits for its end.
    with pending.lock:
        _check_seeds(pending)
        pending.handle, pending.cache_sent = handle, 0
        # The closing step is done again, for its reply has the public key.
        pending.generation.root = None
    return pending


def _check_seeds(pending: PendingKey) -> None:
    """Unfinished, a key needs all its seeds; a crash at the moment of handing them out may have
    lost them, which is final.
    """
    generation = pending.generation
    if generation.done < generation.chunks and not all(generation.seeds):
        raise StatusError(
            Status.Malformed,
            f"the half-made key {pending.label} has lost seeds; give it up by replace=yes",
        )

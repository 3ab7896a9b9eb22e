"""destroyLMS: nothing on the machine can sign with a key any more.

Order, never to be changed: what is half-made first, then NVRAM. The other way round the closing
step of a key in the making could put its lease into NVRAM after that was looked through.
"""

import contextlib

from seemachine.commands import making
from seemachine.commands.leases import refuse_foreign
from seemachine.commands.table import command
from seemachine.lms.keys import PublicKey
from seemachine.machine import Machine, Session
from seemachine.state.errors import StateCorrupt
from seemachine.wire.messages import DestroyLms, LmsDestroyed


@command
def destroy(session: Session, request: DestroyLms) -> LmsDestroyed:
    """Destroy what is half-made of a key, its NVRAM file, and the leases that are kept for sign
    requests that come again.

    Refuses the file of another signer's SEE machines, and then nothing is changed.
    """
    machine, key = session.machine, PublicKey.decode(request.public_key)
    file = machine.store.get(key.file_name)
    if file is not None and file.lease.public_key == request.public_key:
        refuse_foreign(machine, file.lease)
    half_made = _forget_half_made(machine, key.identifier)
    return LmsDestroyed(lost=machine.store.destroy(request.public_key), half_made=half_made)


def _forget_half_made(machine: Machine, identifier: bytes) -> bool:
    """Whatever its label is. A label says nothing: another host may use it for another key."""
    with machine.labels:
        known = {*machine.making, *machine.checkpoints.labels()}
        labels = [label for label in known if _identifier(machine, label) == identifier]
        for label in labels:
            making.discard(machine, label)
    return bool(labels)


def _identifier(machine: Machine, label: str) -> object:
    pending = machine.making.get(label)
    if pending is not None:
        return pending.generation.identifier
    # Damaged, it can't be gone on with.
    with contextlib.suppress(StateCorrupt):
        head = machine.checkpoints.head(label)
        return head["identifier"] if head is not None else None
    return None

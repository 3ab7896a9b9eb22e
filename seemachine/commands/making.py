"""Half-made keys: who makes which, and what of them is on disk."""

import contextlib
from collections.abc import Iterator

from seemachine.chance.mark import is_marked
from seemachine.commands.leases import refuse_other_kind
from seemachine.lms.generation import Generation, Stopped
from seemachine.lms.parameters import lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import Machine, PendingKey, Session
from seemachine.state.errors import StateCorrupt
from seemachine.state.half_made import MAX_LABELS, Head, is_label
from seemachine.wire.messages import MAX_WARNAT, U32
from seemachine.wire.names import (
    IDENTIFIER_BYTES,
    MAX_CACHE_PART_EXPONENT,
    MAX_CHUNKS_EXPONENT,
    MAX_EXPCACHE,
    MAX_EXPCARDS,
    MAX_EXPLEASE,
)
from seemachine.wire.status import Status, StatusError

MAX_GENERATIONS = 4


def check_label(machine: Machine, label: str, *, replace: bool) -> None:
    """Refuse an invalid label, or one that another half-made key has."""
    if not label:
        return
    if not is_label(label):
        raise StatusError(
            Status.InvalidParameter,
            f"a label has up to 64 lower-case letters, digits and hyphens, not {label!r}",
        )
    if replace:
        discard(machine, label)
    pending = machine.making.get(label)
    if pending is not None and not pending.orphaned:
        raise StatusError(
            Status.ObjectInUse,
            f"a client that is connected is making the key {label} now; wait for its end, or choose"
            " another alias; if that client hangs, resume=yes takes the key over",
        )
    if pending is not None or machine.checkpoints.head(label) is not None:
        raise StatusError(
            Status.ObjectInUse,
            f"there is a half-made key {label}; resume it with resume=yes, or give it up"
            " with replace=yes",
        )
    if len(machine.checkpoints.labels()) >= MAX_LABELS:
        raise StatusError(
            Status.ObjectInUse,
            f"this machine keeps {MAX_LABELS} half-made keys already; resume or replace one",
        )


def check_room(session: Session) -> None:
    """Refuse a connection that makes as many keys as it may.

    Keys that others took over do not count.
    """
    session.generations = {
        handle: pending
        for handle, pending in session.generations.items()
        if pending.handle == handle
    }
    if len(session.generations) >= MAX_GENERATIONS:
        raise StatusError(
            Status.ObjectInUse,
            f"this connection is making {MAX_GENERATIONS} keys already; finish one first",
        )


def claim(session: Session, pending: PendingKey) -> None:
    """Give a key to a connection, after `check_room`.

    Who had it before finds its handle unknown.
    """
    if session.stopped.is_set():
        raise Stopped("the connection has ended")
    session.generations[pending.handle] = pending
    if pending.label:
        session.machine.making[pending.label] = pending


@contextlib.contextmanager
def held(session: Session, handle: bytes) -> Iterator[PendingKey]:
    """The key of a handle, for one step.

    Raises StatusError (UnknownID) when this connection has it no more.
    """
    pending = session.generations.get(handle)
    if pending is None:
        raise _unknown()
    try:
        with pending.lock:
            # Looked at under the lock: the key may have been resumed or given up while its last
            # step was still under way.
            if pending.handle != handle or pending.orphaned:
                raise _unknown()
            yield pending
    finally:
        if pending.orphaned:
            with pending.lock:
                if pending.orphaned:
                    session.machine.forget(pending)


def _unknown() -> StatusError:
    return StatusError(Status.UnknownID, "this connection makes no key of that handle")


def release(session: Session, pending: PendingKey) -> None:
    """The connection is done with a key.

    Its checkpoint, by now without seeds, stays until the client has saved the public key.
    """
    session.generations.pop(pending.handle, None)
    session.machine.forget(pending)


def discard(machine: Machine, label: str) -> None:
    """Forget a label, and whoever is making its key."""
    pending = machine.making.get(label)
    if pending is not None:
        with pending.lock:
            pending.handle = b""
            machine.forget(pending)
    machine.checkpoints.discard(label)


def save_step(machine: Machine, pending: PendingKey) -> None:
    """Keep the chunk that was just done."""
    if not pending.label:
        return
    generation = pending.generation
    try:
        if generation.done == 1:
            machine.checkpoints.create(pending.label, _head(pending))
        machine.checkpoints.append(
            pending.label, generation.done - 1, generation.row(generation.done - 1)
        )
    except OSError:
        # Done again by the next request: on disk there must be no gap before the chunks that
        # follow.
        generation.done -= 1
        raise


def save_head(machine: Machine, pending: PendingKey) -> None:
    """Keep what is known of the key now, without the seeds that it no longer has."""
    if pending.label:
        machine.checkpoints.rewrite(pending.label, _head(pending))


def restore(machine: Machine, label: str, handle: bytes) -> PendingKey:
    """A key from its checkpoint.

    Raises StatusError (UnknownID) when there is none, StateCorrupt when it is damaged.
    """
    head = machine.checkpoints.head(label) if is_label(label) else None
    if head is None:
        raise StatusError(Status.UnknownID, f"there is no half-made key {label} on {machine.esn}")
    try:
        generation = _generation(machine, label, head)
        marked = is_marked(generation.identifier)
        refuse_other_kind(machine, f"the half-made key {label}", marked=marked)
        cards_written = _whole(head, "cards_written", 0, generation.sectors.cards)
        # Keys that were begun before there were thresholds have none.
        warnat = _whole({"warnat": 0} | head, "warnat", 0, MAX_WARNAT)
    except (KeyError, TypeError, ValueError) as error:
        raise StateCorrupt(f"half-made key {label}: {error}") from None
    generation.restore(machine.engine, machine.checkpoints.load(label, generation.row_bytes))
    return PendingKey(generation, handle, label, cards_written, warnat)


def _head(pending: PendingKey) -> Head:
    generation = pending.generation
    return {
        "lms": generation.tree.typecode,
        "lmots": generation.ots.typecode,
        "expcards": generation.sectors.expcards,
        "explease": generation.sectors.explease,
        "expchunk": generation.expchunk,
        "expcache": generation.expcache,
        "identifier": generation.identifier,
        "seeds": generation.seeds,
        "cards_written": pending.cards_written,
        "warnat": pending.warnat,
    }


def _generation(machine: Machine, label: str, head: Head) -> Generation:
    """Within the bounds that generateLMS keeps: a head from elsewhere must not make this machine
    hold more.
    """
    tree, ots = lms(_whole(head, "lms", 0, U32)), lmots(_whole(head, "lmots", 0, U32))
    sectors = Sectors(
        tree.h, _whole(head, "expcards", 0, MAX_EXPCARDS), _whole(head, "explease", 0, MAX_EXPLEASE)
    )
    sectors.check()
    expcache = _whole(head, "expcache", 0, min(tree.h, MAX_EXPCACHE))
    most = min(tree.h, tree.h - expcache + MAX_CACHE_PART_EXPONENT)
    expchunk = _whole(head, "expchunk", max(0, tree.h - MAX_CHUNKS_EXPONENT), most)
    identifier, seeds = head["identifier"], head["seeds"]
    if type(identifier) is not bytes or len(identifier) != IDENTIFIER_BYTES:
        raise ValueError("the identifier is none")
    if len(seeds) != sectors.leases or any(
        type(seed) is not bytes or len(seed) not in (0, ots.n) for seed in seeds
    ):
        raise ValueError("the seeds do not fit the plan")
    draw = machine.chance.lms_key(label)
    return Generation(tree, ots, sectors, expchunk, expcache, draw, identifier, seeds)


def _whole(head: Head, name: str, least: int, most: int) -> int:
    value = head[name]
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} takes a whole number from {least} to {most}")
    return value

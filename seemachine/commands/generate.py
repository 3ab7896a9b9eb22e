"""generateLMS, continueLMS_cache_next, continueLMS_card_next: a key is made in steps that the
client pulls (guide 2.7.1, 2.7.2).

Theory of operation. A half-made key has seeds, one for each lease, and a seed may end in one place
only: on one card, or in NVRAM. While it is made they are in memory and, for a key with a label, in
its checkpoint, so that the hours of hashing outlive a crash. Each step is done first and kept
afterwards: a client that asks again after a crash gets the step again, with the same nodes.

Where a seed goes from the checkpoint, the order is the other way round, and must never be changed:
the seed leaves memory and checkpoint, durably, and only then the card is written or the key
installed. A crash in between loses the leases of one card; in the other order it would leave them
in two places, and both could sign.

Whose key it is, is looked at under the key's lock (`making.held`): a connection that is gone may
still have a worker thread at a step, and whoever resumed the key has another handle by then.
"""

from seemachine.commands.leases import refuse_undelegated, to_store
from seemachine.commands.making import (
    check_label,
    check_room,
    claim,
    held,
    release,
    save_head,
    save_step,
)
from seemachine.commands.table import command
from seemachine.lms.engines import Engine
from seemachine.lms.generation import Generation, Stopped, default_expchunk
from seemachine.lms.parameters import OtsParameters, ParameterError, TreeParameters, lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import Machine, PendingKey, Session
from seemachine.wire.messages import (
    MAX_CARD,
    CardWritten,
    ContinueLms,
    ContinueLmsCard,
    GenerateLms,
    LmsChunk,
    LmsStarted,
)
from seemachine.wire.names import (
    HANDLE_BYTES,
    MAX_CACHE_PART_EXPONENT,
    MAX_CHUNKS_EXPONENT,
    MAX_EXPCACHE,
    MAX_EXPCARDS,
    MAX_EXPLEASE,
    MAX_PAGE_EXPONENT,
)
from seemachine.wire.printable import fitting
from seemachine.wire.status import Status, StatusError


@command
def generate(session: Session, request: GenerateLms) -> LmsStarted:
    """Begin a key.

    Refuses unknown or mixed parameter sets, exponents that no machine takes, and a label that is
    taken.
    """
    refuse_undelegated(session.machine)
    machine, generation = session.machine, _begin(session, request)
    handle = machine.random(HANDLE_BYTES)
    pending = PendingKey(generation, handle, request.label, warnat=request.warnat)
    check_room(session)
    with machine.labels:
        check_label(machine, request.label, replace=request.replace)
        claim(session, pending)
        # Not after: another connection may have the key by then, under another handle.
        handle = pending.handle
    return LmsStarted(
        handle=handle,
        remaining=generation.remaining,
        expchunk=generation.expchunk,
        expcache=generation.expcache,
    )


def _begin(session: Session, request: GenerateLms) -> Generation:
    tree, ots = lms(request.lms), lmots(request.lmots)
    sectors = Sectors(tree.h, request.expcards, request.explease)
    _check_bound("expcards", request.expcards, 0, MAX_EXPCARDS)
    _check_bound("explease", request.explease, 0, MAX_EXPLEASE)
    expcache = _expcache(tree, sectors, request.expcache)
    expchunk = _expchunk(session.machine.engine, tree, ots, expcache, request.expchunk)
    draw = session.machine.chance.lms_key(request.label)
    return Generation(tree, ots, sectors, expchunk, expcache, draw)


def _expcache(tree: TreeParameters, sectors: Sectors, asked: int | None) -> int:
    """Deep enough that a machine which loads the key can hash any page of it."""
    most = min(tree.h, MAX_EXPCACHE)
    least = 0 if sectors.depth >= tree.h - MAX_PAGE_EXPONENT else tree.h - MAX_PAGE_EXPONENT
    expcache = most if asked is None else asked
    _check_bound("expcache", expcache, least, most)
    return expcache


def _expchunk(
    engine: Engine, tree: TreeParameters, ots: OtsParameters, expcache: int, asked: int | None
) -> int:
    """Not so small that the chunks are too many to keep, nor so large that one's cache nodes don't
    fit a message.
    """
    least = max(0, tree.h - MAX_CHUNKS_EXPONENT)
    most = min(tree.h, tree.h - expcache + MAX_CACHE_PART_EXPONENT)
    expchunk = (
        min(max(default_expchunk(engine, tree, ots), least), most) if asked is None else asked
    )
    _check_bound("expchunk", expchunk, least, most)
    return expchunk


def _check_bound(name: str, exponent: int, least: int, most: int) -> None:
    if not least <= exponent <= most:
        raise ParameterError(
            f"{name} must be from {least} to {most} for such a key, not {exponent}"
        )


@command
def advance(session: Session, request: ContinueLms) -> LmsChunk:
    """Do one chunk; with the last one a singular key goes into NVRAM, and a sectorized key begins
    to wait for its cards.
    """
    with held(session, request.handle) as pending:
        backlog = _unsent_cache(pending)
        if backlog:
            return LmsChunk(remaining=pending.generation.remaining, cache=backlog, cards=0)
        return _step(session, pending)


def _unsent_cache(pending: PendingKey) -> bytes:
    """Cache nodes from before this connection took the key over."""
    generation = pending.generation
    count = min(generation.cache_known - pending.cache_sent, 1 << MAX_CACHE_PART_EXPONENT)
    nodes = generation.table.row((1 << generation.expcache) + pending.cache_sent, count)
    pending.cache_sent += count
    return nodes


def _step(session: Session, pending: PendingKey) -> LmsChunk:
    generation = pending.generation
    if not generation.remaining:
        raise StatusError(
            Status.InvalidParameter,
            "the key is finished; its cards are written with continueLMS_card_next",
        )
    try:
        cache = generation.step(session.machine.engine, session.stopped.is_set)
    except ParameterError:
        release(session, pending)
        raise
    if generation.remaining:
        save_step(session.machine, pending)
        pending.cache_sent = generation.cache_known
        return LmsChunk(remaining=generation.remaining, cache=cache, cards=0)
    _finish(session, pending)
    cards = generation.sectors.cards - pending.cards_written
    return LmsChunk(
        remaining=0, cache=cache, cards=cards, public_key=generation.public_key.encode()
    )


def _finish(session: Session, pending: PendingKey) -> None:
    machine, generation = session.machine, pending.generation
    machine.keys.put_table(generation.public_key.root, generation.table)
    if generation.sectors.sectorized:
        return
    # Told that it took too long, the client of a key without a label could never ask for it again.
    if session.stopped.is_set() and not pending.label:
        raise Stopped("stopped before the key was installed")
    try:
        _install(machine, pending)
    finally:
        # Also when that fails halfway: nobody may write the same leaves anywhere else. Not before:
        # who gives up the label must wait for the checkpoint, or would find it written after it was
        # discarded.
        release(session, pending)


def _install(machine: Machine, pending: PendingKey) -> None:
    generation = pending.generation
    if generation.seeds[0]:
        lease = to_store(generation.lease(0), machine.signer, pending.warnat)
        generation.seeds[0] = b""
        # The seed leaves the checkpoint before it is in NVRAM. Swapped, it could be installed again
        # from there.
        save_head(machine, pending)
        machine.store.install(lease)
    elif machine.store.get(generation.public_key.file_name) is None:
        raise StatusError(
            Status.NotAvailable,
            f"the leaves of {pending.label} were lost in a crash or are used up; replace=yes makes"
            " another key",
        )


@command
def write_card(session: Session, request: ContinueLmsCard) -> CardWritten:
    """Write the leases of the next card to the blank card in a slot.

    The seeds of a written card leave the machine.
    """
    with held(session, request.handle) as pending:
        generation = pending.generation
        if generation.remaining:
            raise StatusError(
                Status.InvalidParameter,
                "the key is not finished; go on with continueLMS_cache_next",
            )
        if not generation.sectors.sectorized:
            raise StatusError(Status.InvalidParameter, "a singular key has no cards")
        if pending.cards_written == generation.sectors.cards:
            raise StatusError(Status.InvalidParameter, "all cards of the key are written")
        numbers = generation.sectors.card_leases(pending.cards_written)
        bound = session.machine.signer, pending.warnat
        leases = tuple(to_store(generation.lease(number), *bound) for number in numbers)
        card = session.machine.slots.write_leases(
            request.slot, leases, before=lambda: _give_away(session, pending)
        )
    return CardWritten(
        card=fitting(card, MAX_CARD), remaining=generation.sectors.cards - pending.cards_written
    )


def _give_away(session: Session, pending: PendingKey) -> None:
    """Forget the seeds of the next card, here and on disk, before it is written: a write that fails
    in between loses its leaves.

    After the write would be too late: an unclear failure could then put the same leaves on two
    cards.
    """
    generation = pending.generation
    for number in generation.sectors.card_leases(pending.cards_written):
        generation.seeds[number] = b""
    pending.cards_written += 1
    save_head(session.machine, pending)
    if pending.cards_written == generation.sectors.cards:
        release(session, pending)

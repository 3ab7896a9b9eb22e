"""generateLMS, continueLMS_cache_next, continueLMS_card_next: a key is made in steps that the client pulls (guide 2.7.1, 2.7.2)."""

from seemachine.commands.leases import to_store
from seemachine.lms.engines import Engine
from seemachine.lms.generation import Generation, default_expchunk
from seemachine.lms.parameters import OtsParameters, ParameterError, TreeParameters, lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import PendingKey, Session
from seemachine.state.errors import CardError
from seemachine.wire.messages import CardWritten, ContinueLms, ContinueLmsCard, GenerateLms, LmsChunk, LmsStarted
from seemachine.wire.names import (
    HANDLE_BYTES,
    MAX_CACHE_PART_EXPONENT,
    MAX_CHUNKS_EXPONENT,
    MAX_EXPCACHE,
    MAX_EXPCARDS,
    MAX_EXPLEASE,
    MAX_PAGE_EXPONENT,
)
from seemachine.wire.status import Status, StatusError

MAX_GENERATIONS = 4


def generate(session: Session, request: GenerateLms) -> LmsStarted:
    """Begin a key. Refuses unknown or mixed parameter sets and exponents that no machine takes."""
    if len(session.generations) >= MAX_GENERATIONS:
        raise StatusError(Status.ObjectInUse, f"this connection is making {MAX_GENERATIONS} keys already; finish one first")
    generation = _begin(session, request)
    handle = session.machine.random(HANDLE_BYTES)
    session.generations[handle] = PendingKey(generation)
    return LmsStarted(handle=handle, remaining=generation.remaining, expchunk=generation.expchunk, expcache=generation.expcache)


def _begin(session: Session, request: GenerateLms) -> Generation:
    tree, ots = lms(request.lms), lmots(request.lmots)
    sectors = Sectors(tree.h, request.expcards, request.explease)
    _check_bound("expcards", request.expcards, 0, MAX_EXPCARDS)
    _check_bound("explease", request.explease, 0, MAX_EXPLEASE)
    expcache = _expcache(tree, sectors, request.expcache)
    expchunk = _expchunk(session.machine.engine, tree, ots, expcache, request.expchunk)
    return Generation(tree, ots, sectors, expchunk, expcache, session.machine.random)


def _expcache(tree: TreeParameters, sectors: Sectors, asked: int | None) -> int:
    """Deep enough that a machine which loads the key can hash any page of it."""
    most = min(tree.h, MAX_EXPCACHE)
    least = 0 if sectors.depth >= tree.h - MAX_PAGE_EXPONENT else tree.h - MAX_PAGE_EXPONENT
    expcache = most if asked is None else asked
    _check_bound("expcache", expcache, least, most)
    return expcache


def _expchunk(engine: Engine, tree: TreeParameters, ots: OtsParameters, expcache: int, asked: int | None) -> int:
    """Not so small that the chunks are too many to keep, nor so large that one's cache nodes don't fit a message."""
    least = max(0, tree.h - MAX_CHUNKS_EXPONENT)
    most = min(tree.h, tree.h - expcache + MAX_CACHE_PART_EXPONENT)
    expchunk = min(max(default_expchunk(engine, tree, ots), least), most) if asked is None else asked
    _check_bound("expchunk", expchunk, least, most)
    return expchunk


def _check_bound(name: str, exponent: int, least: int, most: int) -> None:
    if not least <= exponent <= most:
        raise ParameterError(f"{name} must be from {least} to {most} for such a key, not {exponent}")


def advance(session: Session, request: ContinueLms) -> LmsChunk:
    """Do one chunk; with the last one a singular key goes into NVRAM, and a sectorized key begins to wait for its cards."""
    pending = _pending(session, request.handle)
    generation = pending.generation
    if not generation.remaining:
        raise StatusError(Status.InvalidParameter, "the key is finished; its cards are written with continueLMS_card_next")
    try:
        cache = generation.step(session.machine.engine, session.stopped.is_set)
    except ParameterError:
        del session.generations[request.handle]
        raise
    if generation.remaining:
        return LmsChunk(remaining=generation.remaining, cache=cache, cards=0)
    _finish(session, request.handle, generation)
    public_key = generation.public_key.encode()
    return LmsChunk(remaining=0, cache=cache, cards=generation.sectors.cards, public_key=public_key)


def _finish(session: Session, handle: bytes, generation: Generation) -> None:
    machine = session.machine
    machine.keys.put_table(generation.public_key.root, generation.table)
    if not generation.sectors.sectorized:
        # Dropped first: should the install fail halfway, nobody may write the same leaves anywhere else.
        del session.generations[handle]
        machine.store.install(to_store(generation.lease(0)))


def write_card(session: Session, request: ContinueLmsCard) -> CardWritten:
    """Write the leases of the next card to the blank card in a slot. The seeds of a written card leave the machine."""
    pending = _pending(session, request.handle)
    generation = pending.generation
    if generation.remaining:
        raise StatusError(Status.InvalidParameter, "the key is not finished; go on with continueLMS_cache_next")
    if not generation.sectors.sectorized:
        raise StatusError(Status.InvalidParameter, "a singular key has no cards")
    pending.slot_in_use = request.slot
    numbers = generation.sectors.card_leases(pending.cards_written)
    leases = tuple(to_store(generation.lease(number)) for number in numbers)
    try:
        card = session.machine.slots.write_leases(request.slot, leases)
    except CardError:
        raise  # nothing was written: the same leases wait for a better card
    except BaseException:
        # The write may have reached the card. Written again, these leaves could be on two cards, so they are lost instead.
        _card_done(session, request.handle)
        raise
    _card_done(session, request.handle)
    return CardWritten(card=card, remaining=generation.sectors.cards - pending.cards_written)


def _card_done(session: Session, handle: bytes) -> None:
    """The seeds of this card leave the machine; after the last card so does the key."""
    pending = session.generations[handle]
    sectors = pending.generation.sectors
    for number in sectors.card_leases(pending.cards_written):
        pending.generation.seeds[number] = b""
    pending.cards_written += 1
    if pending.cards_written == sectors.cards:
        del session.generations[handle]


def _pending(session: Session, handle: bytes) -> PendingKey:
    pending = session.generations.get(handle)
    if pending is None:
        raise StatusError(Status.UnknownID, "this connection makes no key of that handle")
    return pending

"""generateLMS, continueLMS_cache_next, continueLMS_card_next: a key is made in steps that the client pulls (guide 2.7.1, 2.7.2)."""

from seemachine.commands.leases import to_store
from seemachine.lms.generation import Generation, default_expchunk
from seemachine.lms.parameters import ParameterError, lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import PendingKey, Session
from seemachine.state.errors import CardError
from seemachine.wire.messages import CardWritten, ContinueLms, ContinueLmsCard, GenerateLms, LmsChunk, LmsStarted
from seemachine.wire.names import HANDLE_BYTES, MAX_CACHE_PART_EXPONENT, MAX_CHUNKS_EXPONENT, MAX_EXPCACHE, MAX_EXPCARDS, MAX_EXPLEASE
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
    machine, tree, ots = session.machine, lms(request.lms), lmots(request.lmots)
    expchunk = default_expchunk(machine.engine, tree, ots) if request.expchunk is None else request.expchunk
    expcache = min(tree.h, MAX_EXPCACHE) if request.expcache is None else request.expcache
    _check_bound("expcards", request.expcards, MAX_EXPCARDS)
    _check_bound("explease", request.explease, MAX_EXPLEASE)
    _check_bound("expcache", expcache, MAX_EXPCACHE)
    if tree.h - expchunk > MAX_CHUNKS_EXPONENT:
        raise ParameterError(f"expchunk must be at least {tree.h - MAX_CHUNKS_EXPONENT} for a tree of height {tree.h}, not {expchunk}")
    if expchunk + expcache - tree.h > MAX_CACHE_PART_EXPONENT:
        raise ParameterError(
            f"expchunk must be at most {tree.h + MAX_CACHE_PART_EXPONENT - expcache} with expcache {expcache}, not {expchunk}"
        )
    return Generation(tree, ots, Sectors(tree.h, request.expcards, request.explease), expchunk, expcache, machine.random)


def _check_bound(name: str, exponent: int, most: int) -> None:
    if exponent > most:
        raise ParameterError(f"{name} must be from 0 to {most}, not {exponent}")


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
        machine.store.install(to_store(generation.lease(0)))
        del session.generations[handle]


def write_card(session: Session, request: ContinueLmsCard) -> CardWritten:
    """Write the leases of the next card to the blank card in a slot. The seeds of a written card leave the machine."""
    pending = _pending(session, request.handle)
    generation = pending.generation
    if generation.remaining:
        raise StatusError(Status.InvalidParameter, "the key is not finished; go on with continueLMS_cache_next")
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

"""A key in the making: its steps, its cards, its key file.

Order, never to be changed: all steps, then the key file, then the cards. A card without its public
key would be lost leaves.
"""

import contextlib
import time

from seeclient import cards, dispatch, keys
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.effects import Pause, Peer, Story, ask
from seeclient.events import CardDone, CardsNeeded, CardTried, CardWanted, ChunkDone, Listener
from seeclient.keyfile import Made
from seeclient.patience import Patience
from seemachine.chance.mark import is_marked
from seemachine.frozen import replace
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError, lmots, lms
from seemachine.wire.messages import (
    CACHE_BYTES,
    CardWritten,
    ContinueLms,
    ContinueLmsCard,
    DiscardLms,
    LmsChunk,
    LmsResumed,
    LmsStarted,
)
from seemachine.wire.status import Status, StatusError


class Making:
    """A key in the making, as its client sees it. `remaining` steps are left.

    `unanswered` is set while a card may or may not have been written, `begun` after a step.
    """

    def __init__(
        self,
        keys: keys.KeyStore,
        peer: Peer,
        recipe: Recipe,
        reply: LmsStarted | LmsResumed,
        progress: Listener,
        patience: Patience,
    ) -> None:
        self.keys = keys
        self.peer = peer
        self.recipe = recipe
        self.handle = reply.handle
        self.expcache = reply.expcache
        self.remaining = reply.remaining
        self.progress = progress
        self.patience = patience
        self.unanswered = False
        self.begun = False


def finish(making: Making) -> Story[LmsKeyFile]:
    """The steps that are left, the cards and the key file. Raises StatusError."""
    recipe = making.recipe
    last, cache = yield from _chunks(making)
    assert last.public_key is not None
    _check_asked_for(making, last.public_key)
    key = LmsKeyFile(
        recipe.alias.lower(),
        last.public_key,
        recipe.expcards,
        recipe.explease,
        making.expcache,
        cache,
        recipe.warnat,
        signer=making.peer.greeting.signer.hex(),
        made=Made(int(time.time() * 1000), making.keys.author, making.peer.esn),
        insecure=making.peer.greeting.insecure,
    )
    # Saved before the first card is written: a card without its public key would be lost leaves.
    key = _saved(making.keys, key)
    yield from _cards(making, last.cards)
    # From here on nobody needs what the machine kept for a client that does not come back.
    yield from forget(making)
    return key


def _check_asked_for(making: Making, public_key: bytes) -> None:
    """Whether a public key is of the parameter sets that were asked for."""
    recipe = making.recipe
    try:
        made = PublicKey.decode(public_key)
    except ParameterError as error:
        raise dispatch.impossible(
            making.peer, f"made something that is not a key ({error})", ContinueLms.NAME
        ) from None
    if (made.tree, made.ots) != (lms(recipe.lms), lmots(recipe.lmots)):
        what = f"made a key of {made.tree.name} {made.ots.name}, not {recipe.lms} {recipe.lmots}"
        raise dispatch.impossible(making.peer, what, ContinueLms.NAME)
    if is_marked(made.identifier) != bool(making.peer.greeting.insecure):
        what = "made a key of another kind of world than it says"
        raise dispatch.impossible(making.peer, what, ContinueLms.NAME)


def _saved(store: keys.KeyStore, key: LmsKeyFile) -> LmsKeyFile:
    """A resumed key may have its file already, which says who made it; another key of the same name
    is not written over, also when it comes at this moment.
    """
    if not store.has(key.alias):
        try:
            store.save_new(key, "resumeLMS")
            return key
        except StatusError as refused:
            if refused.status is not Status.ObjectInUse:
                raise
    there = store.load(key.alias)
    if there.public_key != key.public_key:
        detail = f"there is another key {key.alias} by now; move its file away and resume again"
        raise StatusError(Status.ObjectInUse, detail, "resumeLMS")
    key = replace(key, made=there.made or key.made)
    store.save(key)
    return key


def _chunks(making: Making) -> Story[tuple[LmsChunk, bytes]]:
    cache = []
    while True:
        began = time.perf_counter()
        chunk = yield from ask(making.peer, ContinueLms(handle=making.handle))
        making.begun = True
        cache.append(chunk.cache)
        _check_nearer(making, chunk, cache)
        making.progress(
            ChunkDone(making.recipe.alias, time.perf_counter() - began, chunk.remaining)
        )
        if chunk.public_key is not None:
            return chunk, b"".join(cache)


def _check_nearer(making: Making, chunk: LmsChunk, cache: list[bytes]) -> None:
    """A reply either does a step or has nodes from before, and nodes have an end: else it could
    go on until this host is full.
    """
    idle = chunk.remaining == making.remaining and not chunk.cache
    if idle or chunk.remaining > making.remaining or sum(map(len, cache)) > CACHE_BYTES:
        raise dispatch.impossible(making.peer, "never finishes a key", ContinueLms.NAME)
    making.remaining = chunk.remaining


def _cards(making: Making, remaining: int) -> Story[None]:
    if not making.recipe.cards:
        return
    making.progress(CardsNeeded(remaining))
    try:
        while remaining:
            written = yield from _one_card(making)
            if written.remaining >= remaining:
                raise dispatch.impossible(
                    making.peer, "never finishes the cards of a key", ContinueLmsCard.NAME
                )
            remaining = written.remaining
            making.progress(CardDone(remaining))
    except BaseException as error:
        if remaining == making.recipe.cards and not making.unanswered:
            # Without a single card nobody can sign with this key; who resumes it gets its file
            # again.
            making.keys.remove(making.recipe.alias)
            if isinstance(error, StatusError):
                yield from forget(making)
        raise


def forget(making: Making) -> Story[None]:
    """The machine need not keep the key for resuming.

    One that does not answer any more keeps it, to no harm.
    """
    with contextlib.suppress(StatusError):
        yield from ask(making.peer, DiscardLms(label=making.recipe.alias.lower()))


def _one_card(making: Making) -> Story[CardWritten]:
    peer, slot = making.peer, making.recipe.slot
    listing = yield from dispatch.current_slots(peer)
    blank = dispatch.blank_slot(listing, slot)
    chosen = dispatch.slot_to_fill(listing, slot) if blank is None else blank
    making.progress(CardTried(chosen))
    began = time.monotonic()
    if blank is None:
        chosen = yield from _next_blank(making, chosen)
    while True:
        making.unanswered = True
        try:
            written = yield from ask(peer, ContinueLmsCard(handle=making.handle, slot=chosen))
        except StatusError as refused:
            making.unanswered = refused.status is not Status.NotAvailable
            if making.unanswered or not making.patience(peer, time.monotonic() - began):
                raise
        else:
            making.unanswered = False
            return written
        # Somebody else took the card.
        yield Pause(cards.TURN_SECONDS)
        chosen = yield from _next_blank(making, chosen)


def _next_blank(making: Making, chosen: int) -> Story[int]:
    """The slot in which a blank card turned up."""
    peer = making.peer

    def on_wait(refused: StatusError) -> None:
        making.progress(CardWanted(peer.esn, chosen, refused.detail))

    wanted = cards.BLANK, making.recipe.slot
    found = yield from cards.awaited(peer, *wanted, making.patience, on_wait)
    return found.slot

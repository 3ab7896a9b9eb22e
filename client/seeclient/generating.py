"""Making keys: the whole story of `pipsqueak generate` (guide 2.7.1, 2.7.2)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from seeclient import dispatch, keys
from seeclient.effects import Ask, Pause, Peer, Roster, Story
from seeclient.events import CardDone, CardsNeeded, CardTried, CardWanted, ChunkDone, Listener, Started
from seemachine.lms.parameters import ParameterError, check_pair, lmots, lms
from seemachine.wire.messages import CardWritten, ContinueLms, ContinueLmsCard, GenerateLms, LmsChunk, LmsStarted
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.wire.status import Status, StatusError

LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """What key to make. Parameter sets by name; exponents as in guide 2.7.1; `esn` and `slot` may be left to the dispatcher."""

    alias: str
    lms: str
    lmots: str
    expcards: int = 0
    explease: int = 0
    expchunk: int | None = None
    expcache: int | None = None
    esn: str = ""
    slot: int | None = None

    @property
    def cards(self) -> int:
        """Blank cards that it needs."""
        return 1 << self.expcards if self.expcards + self.explease else 0


# Asked when no blank card is there: whether to go on waiting. Gets the machine and how long it has waited, in seconds.
Patience = Callable[[Peer, float], bool]


def check(recipe: Recipe) -> None:
    """Refuse what can be refused without a machine. Raises StatusError."""
    keys.check_alias(recipe.alias)
    try:
        tree = lms(recipe.lms)
        check_pair(tree, lmots(recipe.lmots))
    except ParameterError as error:
        raise StatusError(Status.InvalidParameter, str(error), "generateLMS") from None
    # A plan that can't be is left to the machine, which refuses it in the guide's words.
    if recipe.expcards + recipe.explease <= tree.h and keys.exists(recipe.alias.lower()):
        raise StatusError(Status.ObjectInUse, f"there is a key {recipe.alias} already; choose another alias", "generateLMS")
    keys.check_writable()


def generate(roster: Roster, recipe: Recipe, tell: Listener, patience: Patience) -> Story[keys.KeyFile]:
    """Make a key, write its cards, save its key file. Raises StatusError."""
    check(recipe)
    peer = yield from dispatch.for_generation(roster, recipe.esn, cards=recipe.cards > 0, slot=recipe.slot)
    began = time.perf_counter()
    started: LmsStarted = yield Ask(peer, _request(recipe))
    tell(Started(recipe.alias, time.perf_counter() - began, started.remaining, 1 << started.expchunk))
    public_key, cache = yield from _chunks(peer, recipe.alias, started.handle, tell)
    key = keys.KeyFile(recipe.alias.lower(), public_key, recipe.expcards, recipe.explease, started.expcache, cache)
    # Saved before the first card is written: a card without its public key would be lost leaves.
    keys.save(key)
    yield from _cards(peer, recipe, started.handle, tell, patience)
    return key


def _request(recipe: Recipe) -> GenerateLms:
    return GenerateLms(
        lms=lms(recipe.lms).typecode,
        lmots=lmots(recipe.lmots).typecode,
        expcards=recipe.expcards,
        explease=recipe.explease,
        expchunk=recipe.expchunk,
        expcache=recipe.expcache,
    )


def _chunks(peer: Peer, alias: str, handle: bytes, tell: Listener) -> Story[tuple[bytes, bytes]]:
    cache = []
    while True:
        began = time.perf_counter()
        chunk: LmsChunk = yield Ask(peer, ContinueLms(handle=handle))
        cache.append(chunk.cache)
        tell(ChunkDone(alias, time.perf_counter() - began, chunk.remaining))
        if chunk.public_key is not None:
            return chunk.public_key, b"".join(cache)


def _cards(peer: Peer, recipe: Recipe, handle: bytes, tell: Listener, patience: Patience) -> Story[None]:
    if not recipe.cards:
        return
    tell(CardsNeeded(recipe.cards))
    remaining = recipe.cards
    try:
        while remaining:
            written = yield from _one_card(peer, recipe.slot, handle, tell, patience)
            remaining = written.remaining
            tell(CardDone(remaining))
    finally:
        # Without a single card nobody will ever sign with this key.
        if remaining == recipe.cards:
            keys.remove(recipe.alias)


def _one_card(peer: Peer, slot: int | None, handle: bytes, tell: Listener, patience: Patience) -> Story[CardWritten]:
    listing = yield from dispatch.current_slots(peer)
    blank = dispatch.blank_slot(listing, slot)
    chosen = blank if blank is not None else slot if slot is not None else FIRST_DYNAMIC_SLOT
    tell(CardTried(chosen))
    began = time.monotonic()
    while True:
        try:
            # Asked even without a blank card there, for the machine then turns on the light at its reader.
            written: CardWritten = yield Ask(peer, ContinueLmsCard(handle=handle, slot=chosen))
        except StatusError as refused:
            if refused.status is not Status.NotAvailable or not patience(peer, time.monotonic() - began):
                raise
            tell(CardWanted(peer.esn, chosen, refused.detail))
        else:
            return written
        chosen = yield from _next_blank(peer, slot, chosen, began, patience)


def _next_blank(peer: Peer, slot: int | None, chosen: int, began: float, patience: Patience) -> Story[int]:
    """The slot in which a blank card turned up."""
    while True:
        yield Pause(LOOK_SECONDS)
        blank = dispatch.blank_slot((yield from dispatch.current_slots(peer)), slot)
        if blank is not None:
            return blank
        if not patience(peer, time.monotonic() - began):
            raise StatusError(Status.NotAvailable, f"no blank card came into slot {chosen} of {peer.esn}", "continueLMS_card_next")

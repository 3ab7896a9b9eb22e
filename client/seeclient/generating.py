"""Making keys: the whole story of `pipsqueak generate` (guide 2.7.1, 2.7.2)."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from seeclient import dispatch, keys
from seeclient.effects import Pause, Peer, Roster, Story, ask
from seeclient.events import (
    CardDone,
    CardsNeeded,
    CardTried,
    CardWanted,
    ChunkDone,
    Listener,
    Resumed,
    Started,
)
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError, check_pair, lmots, lms
from seemachine.wire.messages import (
    CACHE_BYTES,
    CardWritten,
    ContinueLms,
    ContinueLmsCard,
    DiscardLms,
    GenerateLms,
    LmsChunk,
    LmsResumed,
    ResumeLms,
)
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.wire.status import Status, StatusError

LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """What key to make. Parameter sets by name; exponents as in guide 2.7.1.

    `esn` and `slot` may be left to the dispatcher. Each of the last `warnat` signatures of each of
    its leases will need an acknowledgement.
    """

    alias: str
    lms: str
    lmots: str
    expcards: int = 0
    explease: int = 0
    expchunk: int | None = None
    expcache: int | None = None
    esn: str = ""
    slot: int | None = None
    replace: bool = False
    warnat: int = 0

    @property
    def cards(self) -> int:
        """Blank cards that it needs."""
        return 1 << self.expcards if self.expcards + self.explease else 0

    @property
    def possible(self) -> bool:
        """Whether the tree is high enough for its cards and leases."""
        return self.expcards + self.explease <= lms(self.lms).h


# Asked when no blank card is there: whether to go on waiting. Gets the machine and how long it has
# waited, in seconds.
Patience = Callable[[Peer, float], bool]


def check(recipe: Recipe, store: keys.KeyStore) -> None:
    """Refuse what can be refused without a machine. Raises StatusError."""
    keys.check_alias(recipe.alias)
    try:
        tree = lms(recipe.lms)
        check_pair(tree, lmots(recipe.lmots))
    except ParameterError as error:
        raise StatusError(Status.InvalidParameter, str(error), "generateLMS") from None
    # A plan that can't be is left to the machine, which refuses it in the guide's words.
    if recipe.possible and store.has(recipe.alias):
        advice = f"choose another alias, or remove its file {store.path_of(recipe.alias)}"
        raise StatusError(
            Status.ObjectInUse, f"there is a key {recipe.alias} already; {advice}", "generateLMS"
        )
    store.check_writable()


def generate(
    roster: Roster, recipe: Recipe, tell: Listener, patience: Patience
) -> Story[keys.KeyFile]:
    """Make a key, write its cards, save its key file. Raises StatusError."""
    check(recipe, roster.keys)
    peer, ready = yield from dispatch.for_generation(
        roster, recipe.esn, cards=recipe.cards > 0, slot=recipe.slot
    )
    # A plan that can't be is refused in the guide's words, whatever cards there are.
    if not ready and recipe.possible and not patience(peer, 0.0):
        raise _no_card(peer, recipe.slot)
    began = time.perf_counter()
    started = yield from ask(peer, _request(recipe))
    tell(
        Started(recipe.alias, time.perf_counter() - began, started.remaining, 1 << started.expchunk)
    )
    making = Making(
        roster.keys,
        peer,
        started.handle,
        recipe,
        started.expcache,
        tell,
        patience,
        started.remaining,
    )
    try:
        return (yield from _finish(making))
    except StatusError as failure:
        # Its first step could not be stored: what there is of it would be in the way of the next
        # attempt.
        if (
            not making.begun
            and failure.status is Status.OSErrorErrno
            and failure.where != dispatch.CONNECT
        ):
            yield from _forget(making)
        raise


def resume(
    roster: Roster, alias: str, esn: str, slot: int | None, tell: Listener, patience: Patience
) -> Story[keys.KeyFile]:
    """Go on with a half-made key, wherever it is, to the same end.

    Raises StatusError (UnknownID) when no machine has one.
    """
    roster.keys.check_writable()
    label, began = keys.check_alias(alias), time.perf_counter()
    peer, resumed = yield from _take_over(roster, label, esn)
    recipe = _resumed_recipe(peer, alias, resumed, slot)
    tell(Resumed(alias, time.perf_counter() - began, resumed.remaining, 1 << resumed.expchunk))
    return (
        yield from _finish(
            Making(
                roster.keys,
                peer,
                resumed.handle,
                recipe,
                resumed.expcache,
                tell,
                patience,
                resumed.remaining,
            )
        )
    )


def _resumed_recipe(peer: Peer, alias: str, resumed: LmsResumed, slot: int | None) -> Recipe:
    """What the machine says that it makes. Raises StatusError when there is no such key."""
    try:
        tree, ots = lms(resumed.lms), lmots(resumed.lmots)
        check_pair(tree, ots)
    except ParameterError as error:
        raise dispatch.impossible(
            peer, f"goes on with a key that there can't be ({error})", "resumeLMS"
        ) from None
    recipe = Recipe(
        alias,
        tree.name,
        ots.name,
        expcards=resumed.expcards,
        explease=resumed.explease,
        esn=peer.esn,
        slot=slot,
        warnat=resumed.warnat,
    )
    if not recipe.possible:
        raise dispatch.impossible(
            peer, "goes on with a key that has more leases than leaves", "resumeLMS"
        )
    return recipe


def _take_over(roster: Roster, label: str, esn: str) -> Story[tuple[Peer, LmsResumed]]:
    for peer in [dispatch.machine(roster, esn)] if esn else roster.peers:
        try:
            return peer, (yield from ask(peer, ResumeLms(label=label)))
        except StatusError as refused:
            if refused.status is not Status.UnknownID:
                raise
    raise StatusError(
        Status.UnknownID, f"no reachable HSM has a half-made key {label}", "resumeLMS"
    )


def _no_card(peer: Peer, wanted: int | None) -> StatusError:
    """Better before an hour of hashing than after it."""
    slot = FIRST_DYNAMIC_SLOT if wanted is None else wanted
    where = f"a slot of {peer.esn}" if wanted is None else f"slot {slot} of {peer.esn}"
    how = f"insert one with: seemachine card insert CARD --esn {peer.esn} --slot {slot}"
    return StatusError(
        Status.NotAvailable, f"there is no blank card in {where}; {how}", "generateLMS"
    )


@dataclass(slots=True)
class Making:
    """A key in the making, as its client sees it. `remaining` steps are left.

    `doubt` is set while a card may or may not have been written, `begun` after a step.
    """

    keys: keys.KeyStore
    peer: Peer
    handle: bytes
    recipe: Recipe
    expcache: int
    tell: Listener
    patience: Patience
    remaining: int
    doubt: bool = False
    begun: bool = False


def _finish(making: Making) -> Story[keys.KeyFile]:
    recipe = making.recipe
    last, cache = yield from _chunks(making)
    assert last.public_key is not None
    _check_asked_for(making, last.public_key)
    key = keys.KeyFile(
        recipe.alias.lower(),
        last.public_key,
        recipe.expcards,
        recipe.explease,
        making.expcache,
        cache,
        making.peer.greeting.signer.hex(),
        recipe.warnat,
    )
    _check_same(making.keys, key)
    # Saved before the first card is written: a card without its public key would be lost leaves.
    making.keys.save(key)
    yield from _cards(making, last.cards)
    # From here on nobody needs what the machine kept for a client that does not come back.
    yield from _forget(making)
    return key


def _check_asked_for(making: Making, public_key: bytes) -> None:
    """Whether a public key is of the parameter sets that were asked for."""
    recipe = making.recipe
    try:
        made = PublicKey.decode(public_key)
    except ParameterError as error:
        raise dispatch.impossible(
            making.peer, f"made something that is no key ({error})", ContinueLms.NAME
        ) from None
    if (made.tree, made.ots) != (lms(recipe.lms), lmots(recipe.lmots)):
        what = f"made a key of {made.tree.name} {made.ots.name}, not {recipe.lms} {recipe.lmots}"
        raise dispatch.impossible(making.peer, what, ContinueLms.NAME)


def _check_same(store: keys.KeyStore, key: keys.KeyFile) -> None:
    """A resumed key may have its file already; another key of the same name is not written over."""
    if store.has(key.alias) and store.load(key.alias).public_key != key.public_key:
        detail = f"there is another key {key.alias} by now; move its file away and resume again"
        raise StatusError(Status.ObjectInUse, detail, "resumeLMS")


def _request(recipe: Recipe) -> GenerateLms:
    return GenerateLms(
        lms=lms(recipe.lms).typecode,
        lmots=lmots(recipe.lmots).typecode,
        expcards=recipe.expcards,
        explease=recipe.explease,
        expchunk=recipe.expchunk,
        expcache=recipe.expcache,
        label=recipe.alias.lower(),
        replace=recipe.replace,
        warnat=recipe.warnat,
    )


def _chunks(making: Making) -> Story[tuple[LmsChunk, bytes]]:
    cache = []
    while True:
        began = time.perf_counter()
        chunk = yield from ask(making.peer, ContinueLms(handle=making.handle))
        making.begun = True
        cache.append(chunk.cache)
        _check_nearer(making, chunk, cache)
        making.tell(ChunkDone(making.recipe.alias, time.perf_counter() - began, chunk.remaining))
        if chunk.public_key is not None:
            return chunk, b"".join(cache)


def _check_nearer(making: Making, chunk: LmsChunk, cache: list[bytes]) -> None:
    """A reply either does a step or tells nodes from before, and nodes have an end: else it could
    go on until this host is full.
    """
    idle = chunk.remaining == making.remaining and not chunk.cache
    if idle or chunk.remaining > making.remaining or sum(map(len, cache)) > CACHE_BYTES:
        raise dispatch.impossible(making.peer, "comes to no end with a key", ContinueLms.NAME)
    making.remaining = chunk.remaining


def _cards(making: Making, remaining: int) -> Story[None]:
    if not making.recipe.cards:
        return
    making.tell(CardsNeeded(remaining))
    try:
        while remaining:
            written = yield from _one_card(making)
            if written.remaining >= remaining:
                raise dispatch.impossible(
                    making.peer, "comes to no end with the cards of a key", ContinueLmsCard.NAME
                )
            remaining = written.remaining
            making.tell(CardDone(remaining))
    except BaseException as error:
        if remaining == making.recipe.cards and not making.doubt:
            # Without a single card nobody can sign with this key; who resumes it gets its file
            # again.
            making.keys.remove(making.recipe.alias)
            if isinstance(error, StatusError):
                yield from _forget(making)
        raise


def _forget(making: Making) -> Story[None]:
    """The machine need not keep the key for resuming.

    One that does not answer any more keeps it, to no harm.
    """
    with contextlib.suppress(StatusError):
        yield from ask(making.peer, DiscardLms(label=making.recipe.alias.lower()))


def _one_card(making: Making) -> Story[CardWritten]:
    peer, slot = making.peer, making.recipe.slot
    listing = yield from dispatch.current_slots(peer)
    blank = dispatch.blank_slot(listing, slot)
    chosen = blank if blank is not None else slot if slot is not None else FIRST_DYNAMIC_SLOT
    making.tell(CardTried(chosen))
    began = time.monotonic()
    while True:
        making.doubt = True
        try:
            # Asked even without a blank card there, for the machine then turns on the light at its
            # reader.
            request = ContinueLmsCard(handle=making.handle, slot=chosen)
            written = yield from ask(peer, request)
        except StatusError as refused:
            making.doubt = refused.status is not Status.NotAvailable
            if making.doubt or not making.patience(peer, time.monotonic() - began):
                raise
            making.tell(CardWanted(peer.esn, chosen, refused.detail))
        else:
            making.doubt = False
            return written
        chosen = yield from _next_blank(making, chosen, began)


def _next_blank(making: Making, chosen: int, began: float) -> Story[int]:
    """The slot in which a blank card turned up."""
    peer = making.peer
    while True:
        yield Pause(LOOK_SECONDS)
        blank = dispatch.blank_slot((yield from dispatch.current_slots(peer)), making.recipe.slot)
        if blank is not None:
            return blank
        if not making.patience(peer, time.monotonic() - began):
            raise StatusError(
                Status.NotAvailable,
                f"no blank card came into slot {chosen} of {peer.esn}",
                "continueLMS_card_next",
            )

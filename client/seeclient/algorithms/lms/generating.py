"""Making keys: the whole story of `pipsqueak generate` (guide 2.7.1, 2.7.2)."""

import time

from seeclient import connecting, dispatch
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.making import Making, finish, forget
from seeclient.algorithms.lms.recipe import Recipe, check, request
from seeclient.effects import Peer, Roster, Story, ask
from seeclient.events import Listener, Resumed, Started
from seeclient.keyfile import check_alias
from seeclient.patience import Patience
from seemachine.lms.parameters import ParameterError, check_pair, lmots, lms
from seemachine.wire.messages import LmsResumed, ResumeLms, SlotListing
from seemachine.wire.status import Status, StatusError


def generate(
    roster: Roster, recipe: Recipe, progress: Listener, patience: Patience
) -> Story[LmsKeyFile]:
    """Make a key, write its cards, save its key file. Raises StatusError."""
    check(recipe, roster.keys)
    peer = yield from _chosen(roster, recipe, patience)
    roster.keys.refuse_kind(f"a key of {peer.esn}", marked=bool(peer.greeting.insecure))
    began = time.perf_counter()
    started = yield from ask(peer, request(recipe))
    seconds = time.perf_counter() - began
    progress(Started(recipe.alias, seconds, started.remaining, 1 << started.expchunk))
    making = Making(roster.keys, peer, recipe, started, progress, patience)
    try:
        return (yield from finish(making))
    except StatusError as failure:
        # What there is of it would be in the way of the next attempt.
        if _nothing_stored(making, failure):
            yield from forget(making)
        raise


def resume(
    roster: Roster, alias: str, esn: str, slot: int | None, progress: Listener, patience: Patience
) -> Story[LmsKeyFile]:
    """Go on with a half-made key, wherever it is, to the same end.

    Raises StatusError (UnknownID) when no machine has one.
    """
    roster.keys.check_writable()
    label, began = check_alias(alias), time.perf_counter()
    peer, resumed = yield from _take_over(roster, label, esn)
    recipe = _resumed_recipe(peer, alias, resumed, slot)
    seconds = time.perf_counter() - began
    progress(Resumed(alias, seconds, resumed.remaining, 1 << resumed.expchunk))
    return (yield from finish(Making(roster.keys, peer, recipe, resumed, progress, patience)))


def _chosen(roster: Roster, recipe: Recipe, patience: Patience) -> Story[Peer]:
    """The machine to make a key on. Raises StatusError when a card is missing that nobody brings:
    better before an hour of hashing than after it.
    """
    peer, lacking = yield from dispatch.for_generation(
        roster, recipe.esn, cards=recipe.cards > 0, slot=recipe.slot
    )
    # A plan that can't be is refused in the guide's words, whatever cards there are.
    if lacking is not None and recipe.possible and not patience(peer, 0.0):
        raise _no_card(peer, recipe.slot, lacking)
    return peer


def _nothing_stored(making: Making, failure: StatusError) -> bool:
    """Whether the machine answered that it could not store the first step."""
    answered = failure.where != connecting.CONNECT
    return not making.begun and answered and failure.status is Status.OSErrorErrno


def _resumed_recipe(peer: Peer, alias: str, resumed: LmsResumed, slot: int | None) -> Recipe:
    """What the machine says that it makes. Raises StatusError when there is no such key."""
    try:
        tree, ots = lms(resumed.lms), lmots(resumed.lmots)
        check_pair(tree, ots)
    except ParameterError as error:
        raise dispatch.impossible(
            peer, f"resumes a key that can't exist ({error})", "resumeLMS"
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
        raise dispatch.impossible(peer, "resumes a key with more leases than leaves", "resumeLMS")
    return recipe


def _take_over(roster: Roster, label: str, esn: str) -> Story[tuple[Peer, LmsResumed]]:
    for peer in [dispatch.machine(roster, esn)] if esn else roster.peers:
        roster.keys.refuse_kind(f"a key of {peer.esn}", marked=bool(peer.greeting.insecure))
        try:
            return peer, (yield from ask(peer, ResumeLms(label=label)))
        except StatusError as refused:
            if refused.status is not Status.UnknownID:
                raise
    raise StatusError(
        Status.UnknownID, f"no reachable HSM has a half-made key {label}", "resumeLMS"
    )


def _no_card(peer: Peer, wanted: int | None, listing: SlotListing) -> StatusError:
    where = f"a slot of {peer.esn}" if wanted is None else f"slot {wanted} of {peer.esn}"
    free = dispatch.free_slot(listing, wanted)
    slot = dispatch.slot_to_fill(listing, wanted) if free is None else free
    place = f"--esn {peer.esn} --slot {slot}"
    out = f"take the card out of slot {slot} with: seemachine card remove {place}; then "
    how = f"{'' if slot == free else out}insert one with: seemachine card insert CARD {place}"
    return StatusError(
        Status.NotAvailable, f"there is no blank card in {where}; {how}", "generateLMS"
    )

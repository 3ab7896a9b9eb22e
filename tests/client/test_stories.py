"""generating.py, signing.py, inspecting.py: the stories themselves, without machines, sockets or
clocks.
"""

import time
import uuid
from dataclasses import replace

import pytest
from client.threaded import H5_W4
from kit.here import memory, store
from kit.refusals import refusal
from kit.stories import a_key_file, a_peer, a_roster, play
from kit.verdicts import verifies
from seeclient import connecting
from seeclient.algorithms.lms import generating, inspecting, persisting, provisioning, signing
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.cards import TURN_SECONDS, WAIT_SECONDS
from seeclient.effects import Ask, Pause, resume
from seeclient.events import (
    CardDone,
    CardsNeeded,
    CardTried,
    CardWanted,
    ChunkDone,
    Resumed,
    Started,
)
from seeclient.keyfile import Made
from seeclient.message import Message

from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.lease import build_page
from seemachine.testing import ESN, OTHER_ESN, make_key
from seemachine.wire.messages import (
    CACHE_PART_BYTES,
    CardWritten,
    ContinueLms,
    ContinueLmsCard,
    DiscardLms,
    GenerateLms,
    GetNvmemfileInfo,
    ListSlots,
    LmsChunk,
    LmsDiscarded,
    LmsProvisioned,
    LmsResumed,
    LmsStarted,
    LoadLms,
    NvmemfileInfo,
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSigned,
    ProvisionLms,
    ResumeLms,
    Slot,
    SlotListing,
    WaitForCard,
)
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

HANDLE = b"h" * 16
PUBLIC_KEY = make_key().public_key.encode()
FILE = nvram_name(PUBLIC_KEY)
EMPTY = SlotListing(slots=[])
NO_CARD = StatusError(Status.NotAvailable, "there is no card in slot 2; insert one")
GONE = StatusError(Status.NotAvailable, "no NVRAM file")
BROKEN = StatusError(Status.OSErrorErrno, "connection broken")


def card(slot, kind="blank"):
    """A slot with a card in it."""
    return Slot(slot=slot, ic=1, kind=kind, card=f"card{slot}", leases=0)


def cards(*slots):
    """A listing of blank cards."""
    return SlotListing(slots=[card(slot) for slot in slots])


def filled(kind, *slots):
    """A listing of cards of one kind."""
    return SlotListing(slots=[card(slot, kind) for slot in slots])


def nobody(peer, waited):
    """Patience that has an end at once."""
    return False


def forever(peer, waited):
    """Patience without an end."""
    return True


@pytest.fixture
def peer():
    """The one machine."""
    return a_peer()


@pytest.fixture
def events():
    """What a story told its listener; times are left out, they are the clock's."""
    return []


def story(peers, events, patience=nobody, **options):
    """The story of a generation on these machines."""
    recipe = Recipe("Release", **{**H5_W4, **options})
    return generating.generate(a_roster(*peers), recipe, events.append, patience)


def untimed(events):
    """Events without their seconds."""
    shown = []
    for event in events:
        match event:
            case Started(alias, _, steps, leaves):
                shown.append((Started, alias, steps, leaves))
            case ChunkDone(alias, _, remaining):
                shown.append((ChunkDone, alias, remaining))
            case _:
                shown.append(event)
    return shown


def request(**options):
    """The request with which a generation begins."""
    return GenerateLms(
        **{"lms": 5, "lmots": 3, "expcards": 0, "explease": 0, "label": "release", **options}
    )


def hashing(peer, cards_needed=0):
    """The steps of a generation in two chunks and a closing one."""
    return [
        ((peer, ContinueLms(handle=HANDLE)), LmsChunk(remaining=2, cache=b"one", cards=0)),
        ((peer, ContinueLms(handle=HANDLE)), LmsChunk(remaining=1, cache=b"two", cards=0)),
        (
            (peer, ContinueLms(handle=HANDLE)),
            LmsChunk(remaining=0, cache=b"", cards=cards_needed, public_key=PUBLIC_KEY),
        ),
    ]


STARTED = LmsStarted(handle=HANDLE, remaining=3, expchunk=4, expcache=4)
LOOK = ListSlots()


def forgotten(peer):
    """The step in which the machine is told to keep nothing of the key for a client that goes on
    with it.
    """
    return (peer, DiscardLms(label="release")), LmsDiscarded()


def write(slot):
    """The request to write a card."""
    return ContinueLmsCard(handle=HANDLE, slot=slot)


def wait(slot=None, seconds=WAIT_SECONDS):
    """The request for a blank card."""
    return WaitForCard(kind="blank", slot=slot, seconds=seconds)


def written(remaining):
    """The reply to it."""
    return CardWritten(card="card", remaining=remaining)


# ---------------------------------------------------------------- generating


def test_a_singular_key_is_made_and_saved(peer, events):
    """Chunk after chunk is asked for; the key file holds public key and cache, under the alias in
    lower case.
    """
    key = play(story([peer], events), ((peer, request()), STARTED), *hashing(peer), forgotten(peer))
    assert key == store().load("release")
    assert (key.alias, key.public_key, key.expcache, key.cache) == (
        "release",
        PUBLIC_KEY,
        4,
        b"onetwo",
    )
    assert untimed(events) == [
        (Started, "Release", 3, 16),
        (ChunkDone, "Release", 2),
        (ChunkDone, "Release", 1),
        (ChunkDone, "Release", 0),
    ]
    assert all(event.seconds >= 0 for event in events)


def test_exponents_are_passed_on_as_given(peer, events):
    """What the user leaves out is left to the machine, and what is given goes to it unchanged."""
    given = {"expchunk": 2, "expcache": 0}
    play(
        story([peer], events, **given),
        ((peer, request(**given)), STARTED),
        *hashing(peer),
        forgotten(peer),
    )


def test_a_sectorized_key_is_saved_before_its_cards_are_written(peer, events):
    """The public key is safe before the first leaf leaves the machine; each card is told of as it
    is tried and done.
    """
    options = {"expcards": 1, "explease": 1}
    key = play(
        story([peer], events, **options),
        (([peer], LOOK), [cards(3)]),
        ((peer, request(**options)), STARTED),
        *hashing(peer, 2),
        ((peer, LOOK), lambda: store().load("release") and cards(3)),
        ((peer, write(3)), written(1)),
        ((peer, LOOK), cards(3, 4)),
        ((peer, write(3)), written(0)),
        forgotten(peer),
    )
    assert store().load("release") == key
    assert (key.expcards, key.explease) == (1, 1)
    assert untimed(events)[4:] == [
        CardsNeeded(2),
        CardTried(3),
        CardDone(1),
        CardTried(3),
        CardDone(0),
    ]


def test_a_card_that_is_not_there_is_waited_for(peer, events):
    """With patience, the story says once which card it wants, asks the machine for one again and
    again until it is in a slot, and goes on with that slot.
    """
    play(
        story([peer], events, forever, explease=1),
        (([peer], LOOK), [EMPTY]),
        ((peer, request(explease=1)), STARTED),
        *hashing(peer, 1),
        ((peer, LOOK), EMPTY),
        ((peer, wait(seconds=0)), NO_CARD),
        (Pause(TURN_SECONDS), None),
        ((peer, wait()), NO_CARD),
        (Pause(TURN_SECONDS), None),
        ((peer, wait()), card(5)),
        ((peer, write(5)), written(0)),
        forgotten(peer),
    )
    assert untimed(events)[4:] == [
        CardsNeeded(1),
        CardTried(2),
        CardWanted(ESN, 2, NO_CARD.detail),
        CardDone(0),
    ]


def test_a_card_that_somebody_else_took_is_waited_for_again(peer, events):
    """Two clients may see the same blank card; who comes second waits for the next one."""
    play(
        story([peer], events, forever, explease=1),
        (([peer], LOOK), [cards(2)]),
        ((peer, request(explease=1)), STARTED),
        *hashing(peer, 1),
        ((peer, LOOK), cards(2)),
        ((peer, write(2)), NO_CARD),
        (Pause(TURN_SECONDS), None),
        ((peer, wait(seconds=0)), card(3)),
        ((peer, write(3)), written(0)),
        forgotten(peer),
    )


@pytest.mark.parametrize("shown", [card(3), card(4, "lms")], ids=["another slot", "another kind"])
def test_a_machine_that_shows_another_card_is_not_believed(shown, peer, events):
    """Else a card that nobody asked about would be written."""
    asked = story([peer], events, forever, expcards=1, slot=4)
    steps = [((peer, wait(4, seconds=0)), shown), forgotten(peer)]
    refused = refusal(lambda: play(asked, *until_the_first_card(peer), *steps))
    assert (refused.status, refused.detail.split(":")[0]) == (
        Status.Malformed,
        f"{ESN} shows another card",
    )


def test_only_the_named_slot_is_waited_for(peer, events):
    """With slot=, a blank card in another slot is not a card."""
    play(
        story([peer], events, forever, explease=1, slot=4),
        (([peer], LOOK), [cards(2)]),
        ((peer, request(explease=1)), STARTED),
        *hashing(peer, 1),
        ((peer, LOOK), cards(2)),
        ((peer, wait(4, seconds=0)), NO_CARD),
        (Pause(TURN_SECONDS), None),
        ((peer, wait(4)), card(4)),
        ((peer, write(4)), written(0)),
        forgotten(peer),
    )


def until_the_first_card(peer, listing=EMPTY):
    """A sectorized key of two cards, up to the point where the first is looked for."""
    return [
        (([peer], LOOK), [cards(2)]),
        ((peer, request(expcards=1)), STARTED),
        *hashing(peer, 2),
        ((peer, LOOK), listing),
    ]


@pytest.mark.parametrize(
    ("options", "where"), [({}, "a slot"), ({"slot": 4}, "slot 4"), ({"esn": ESN}, "a slot")]
)
def test_who_does_not_wait_for_a_card_is_refused_before_anything_is_hashed(
    options, where, peer, events
):
    """And not an hour later: no key is begun."""
    asked = story([peer], events, nobody, expcards=1, **options)
    refused = refusal(lambda: play(asked, (([peer], LOOK), [EMPTY])))
    assert refused.status is Status.NotAvailable
    assert refused.detail.startswith(
        f"there is no blank card in {where} of {ESN}; insert one with: seemachine card insert CARD"
    )
    assert events == []


@pytest.mark.parametrize(
    ("cards", "options", "advice"),
    [
        (filled("cardset", 0, 2), {}, "insert one with: INSERT 3"),
        (filled("lms", 2, 3), {}, "insert one with: INSERT 4"),
        (filled("unknown", 2, 3, 4, 5), {}, "insert one with: INSERT 0"),
        (
            filled("lms", 2),
            {"slot": 2},
            "take the card out of slot 2 with: seemachine card remove --esn E --slot 2; then insert"
            " one with: INSERT 2",
        ),
        (
            filled("cardset", *range(6)),
            {},
            "take the card out of slot 2 with: seemachine card remove --esn E --slot 2; then insert"
            " one with: INSERT 2",
        ),
    ],
)
def test_the_advised_slot_is_free(cards, options, advice, peer, events):
    """What is advised can be typed: no card goes into a slot that has one."""
    asked = story([peer], events, nobody, expcards=1, **options)
    refused = refusal(lambda: play(asked, (([peer], LOOK), [cards])))
    insert = f"seemachine card insert CARD --esn {ESN} --slot"
    assert refused.detail.partition("; ")[2] == advice.replace("INSERT", insert).replace(
        "--esn E ", f"--esn {ESN} "
    )


def test_a_card_is_not_asked_for_in_place_of_one_of_the_security_world(peer, events):
    """A person is told of a slot whose card may go."""
    asked = story([peer], events, nobody, expcards=1)
    listing = SlotListing(slots=[card(2, "cardset"), card(3, "lms")])
    steps = [((peer, wait(seconds=0)), NO_CARD), forgotten(peer)]
    with pytest.raises(StatusError):
        play(asked, *until_the_first_card(peer, listing), *steps)
    assert CardTried(3) in events


def test_without_patience_no_card_is_a_refusal_and_no_key_is_left(peer, events):
    """The machine's own sentence ends the story; the key file of a key that no card holds is
    removed, and the machine forgets the key.
    """
    asked = story([peer], events, nobody, expcards=1)
    steps = [
        ((peer, wait(seconds=0)), lambda: store().load("release") and NO_CARD),
        forgotten(peer),
    ]
    assert refusal(lambda: play(asked, *until_the_first_card(peer), *steps)) is NO_CARD
    assert store().aliases() == []


def test_the_first_refusal_is_the_one_that_is_told(peer, events):
    """What the story ends with is why the card was not written, whatever becomes of the clearing
    up.
    """
    (discard, _), asked = forgotten(peer), story([peer], events, nobody, expcards=1)
    steps = [((peer, wait(seconds=0)), NO_CARD), (discard, BROKEN)]
    assert refusal(lambda: play(asked, *until_the_first_card(peer), *steps)) is NO_CARD


def test_a_finished_key_is_finished(peer, events):
    """Once the key file is saved and nothing is left to write, a machine that can't forget is no
    failure.
    """
    (discard, _), asked = forgotten(peer), story([peer], events)
    assert play(
        asked, ((peer, request()), STARTED), *hashing(peer), (discard, BROKEN)
    ) == store().load("release")


def test_patience_may_end_while_waiting(peer, events):
    """Who stops waiting is told what the machine says last."""
    patience = iter([True, True, False])
    asked = story([peer], events, lambda _peer, _waited: next(patience), expcards=1)
    steps = [
        ((peer, wait(seconds=0)), NO_CARD),
        *[(Pause(TURN_SECONDS), None), ((peer, wait()), NO_CARD)] * 2,
        forgotten(peer),
    ]
    assert refusal(lambda: play(asked, *until_the_first_card(peer), *steps)) is NO_CARD
    assert store().aliases() == []


def test_patience_is_asked_about_the_machine_and_the_time(peer, events):
    """It gets the machine that wants the card and how long it has waited there, which
    never falls.
    """
    asked_about = []

    def patience(machine, waited):
        asked_about.append((machine, waited))
        return len(asked_about) < 3

    asked = story([peer], events, patience, expcards=1)
    steps = [
        ((peer, wait(seconds=0)), NO_CARD),
        *[(Pause(TURN_SECONDS), None), ((peer, wait()), NO_CARD)] * 2,
        forgotten(peer),
    ]
    refusal(lambda: play(asked, *until_the_first_card(peer), *steps))
    assert [machine for machine, _ in asked_about] == [peer] * 3
    waits = [waited for _, waited in asked_about]
    assert waits == sorted(waits)
    assert waits[0] >= 0


def test_once_a_card_is_written_the_key_stays(peer, events):
    """A card in somebody's hand needs its public key, whatever becomes of the others."""
    asked = story([peer], events, nobody, expcards=1)
    steps = [
        ((peer, write(2)), written(1)),
        ((peer, LOOK), EMPTY),
        ((peer, wait(seconds=0)), NO_CARD),
    ]
    assert refusal(lambda: play(asked, *until_the_first_card(peer, cards(2)), *steps)) is NO_CARD
    assert store().aliases() == ["release"]


INTERRUPTED = {
    "while nothing was tried": ([], LOOK, []),
    "while a card was written": ([cards(2)], write(2), ["release"]),
    "while asking for one": ([EMPTY], wait(seconds=0), []),
    "between two waits": ([EMPTY, NO_CARD], Pause(TURN_SECONDS), []),
    "while waiting": ([EMPTY, NO_CARD, None], wait(), []),
    "while a card that came was written": ([EMPTY, card(2)], write(2), ["release"]),
    "after somebody else took it": (
        [EMPTY, card(2), NO_CARD],
        Pause(TURN_SECONDS),
        [],
    ),
    "after a card": ([cards(2), written(1)], LOOK, ["release"]),
    "while waiting for another": (
        [cards(2), written(1), EMPTY, NO_CARD],
        Pause(TURN_SECONDS),
        ["release"],
    ),
}


@pytest.mark.parametrize("when", INTERRUPTED)
def test_an_interrupted_story_keeps_the_key_only_if_a_card_may_hold_it(when, peer, events):
    """Closed from outside, as by Ctrl-C, the story removes a key file that nobody can use; going on
    would write it again.
    """
    outcomes, at, kept = INTERRUPTED[when]
    asked = story([peer], events, forever, expcards=1)
    before = [outcome for _, outcome in until_the_first_card(peer)][:-1]
    for outcome in [None, *before, *outcomes]:
        refused = outcome if isinstance(outcome, StatusError) else None
        effect = resume(asked, None if refused else outcome, refused)
    assert at in (effect, getattr(effect, "request", None))
    assert store().aliases() == ["release"]
    asked.close()
    assert store().aliases() == kept


def test_a_card_that_may_have_been_written_keeps_the_key(peer, events):
    """After a lost connection or a failing disk nobody knows what is on the card: the key file
    stays, and the machine keeps the key.
    """
    asked = story([peer], events, forever, expcards=1)
    assert (
        refusal(
            lambda: play(asked, *until_the_first_card(peer, cards(2)), ((peer, write(2)), BROKEN))
        )
        is BROKEN
    )
    assert store().aliases() == ["release"]


DISK_FULL = StatusError(
    Status.OSErrorErrno,
    "[Errno 28] No space left on device: 'making/release.key'",
    "continueLMS_cache_next",
)


def test_a_first_step_that_could_not_be_stored_leaves_nothing(peer, events):
    """The machine forgets it, so that the same command can be given again; what follows a stored
    step it keeps.
    """
    asked = story([peer], events)
    steps = [
        ((peer, request()), STARTED),
        ((peer, ContinueLms(handle=HANDLE)), DISK_FULL),
        forgotten(peer),
    ]
    assert refusal(lambda: play(asked, *steps)) is DISK_FULL
    asked, first = story([peer], events), hashing(peer)[0]
    steps = [((peer, request()), STARTED), first, ((peer, ContinueLms(handle=HANDLE)), DISK_FULL)]
    assert refusal(lambda: play(asked, *steps)) is DISK_FULL


def test_a_refused_chunk_ends_the_story_without_a_key(peer, events):
    """Nothing is saved of a key that was not finished."""
    refused = StatusError(Status.InvalidParameter, "private key tree height is less than the sum")
    asked = story([peer], events, expcards=4, explease=3)
    steps = [
        (([peer], LOOK), [EMPTY]),
        ((peer, request(expcards=4, explease=3)), STARTED),
        ((peer, ContinueLms(handle=HANDLE)), refused),
    ]
    assert refusal(lambda: play(asked, *steps)) is refused
    assert store().aliases() == []


REFUSED_RECIPES = {
    "alias": ({"alias": "../x"}, Status.InvalidParameter, "letters, digits and hyphens"),
    "lms": ({"lms": "sha256_m32_h6"}, Status.InvalidParameter, "unknown LMS set sha256_m32_h6"),
    "lmots": (
        {"lmots": "sha256_n32_w3"},
        Status.InvalidParameter,
        "unknown LM-OTS set sha256_n32_w3",
    ),
    "a mixed pair": (
        {"lmots": "sha256_n24_w4"},
        Status.InvalidParameter,
        "use lmotscode=sha256_n32_w",
    ),
    "an alias that is taken": (
        {"alias": "Taken"},
        Status.ObjectInUse,
        "there is already a key named Taken",
    ),
}


@pytest.mark.parametrize("what", REFUSED_RECIPES)
def test_what_can_be_refused_without_a_machine_is(what, events):
    """A mistake in the recipe costs no request and no hashing."""
    changes, status, words = REFUSED_RECIPES[what]
    store().save(a_key_file("taken"))
    recipe = Recipe(**{"alias": "fresh", **H5_W4, **changes})
    refused = refusal(
        lambda: play(generating.generate(a_roster(a_peer()), recipe, events.append, nobody))
    )
    assert refused.status is status
    assert words in refused.detail
    assert (events, store().aliases()) == ([], ["taken"])


def test_a_plan_that_cannot_be_is_left_to_the_machine(peer, events):
    """Exponents over the height are refused by the machine in the guide's words, also where the
    alias is taken (guide 2.7.2).
    """
    store().save(a_key_file("release"))
    options = {"expcards": 4, "explease": 3}
    refused = StatusError(Status.InvalidParameter, "private key tree height")
    asked = story([peer], events, **options)
    steps = [
        (([peer], LOOK), [EMPTY]),
        ((peer, request(**options)), STARTED),
        ((peer, ContinueLms(handle=HANDLE)), refused),
    ]
    assert refusal(lambda: play(asked, *steps)) is refused
    assert store().aliases() == ["release"]


# ---------------------------------------------------------------- going on with a half-made key

RESUME = ResumeLms(label="release")
UNKNOWN = StatusError(Status.UnknownID, "there is no half-made key release")


def resumed(remaining=2, **options):
    """What a machine says of the half-made key that it goes on with."""
    return LmsResumed(
        **{
            "handle": HANDLE,
            "remaining": remaining,
            "expchunk": 4,
            "expcache": 4,
            "lms": 5,
            "lmots": 3,
            "expcards": 0,
            "explease": 0,
            **options,
        }
    )


def going_on(peers, events, patience=nobody, esn="", slot=None):
    """The story of going on."""
    return generating.resume(a_roster(*peers), "Release", esn, slot, events.append, patience)


def test_a_half_made_key_is_finished(peer, events):
    """What the machine kept is told again, the rest is hashed, and the key file is that of a key
    made at one go.
    """
    key = play(
        going_on([peer], events), ((peer, RESUME), resumed()), *hashing(peer), forgotten(peer)
    )
    assert key == store().load("release")
    made = Made(key.made.time, "", ESN)
    assert key == LmsKeyFile("release", PUBLIC_KEY, 0, 0, 4, b"onetwo", made=made)
    assert abs(made.time / 1000 - time.time()) < 600
    assert untimed(events)[0] == (Started, "Release", 2, 16)
    assert isinstance(events[0], Resumed)


def test_a_half_made_key_keeps_its_threshold(peer, events):
    """The machine tells it, for the key file of who goes on."""
    steps = ((peer, RESUME), resumed(warnat=5)), *hashing(peer), forgotten(peer)
    assert play(going_on([peer], events), *steps).warnat == store().load("release").warnat == 5


def test_a_half_made_key_is_looked_for_on_every_machine(events):
    """In module order, until one has it; with esn=, only there."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    play(
        going_on([first, second], events),
        ((first, RESUME), UNKNOWN),
        ((second, RESUME), resumed()),
        *hashing(second),
        forgotten(second),
    )
    store().remove("release")
    play(
        going_on([first, second], events, esn=OTHER_ESN),
        ((second, RESUME), resumed()),
        *hashing(second),
        forgotten(second),
    )


def test_a_half_made_key_that_nobody_has_is_unknown(events):
    """The refusal names the key; other refusals are those of the machine that has it."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    refused = refusal(
        lambda: play(
            going_on([first, second], events),
            ((first, RESUME), UNKNOWN),
            ((second, RESUME), UNKNOWN),
        )
    )
    assert (refused.status, refused.detail) == (
        Status.UnknownID,
        "no reachable HSM has a half-made key release",
    )
    assert (
        refusal(lambda: play(going_on([first, second], events), ((first, RESUME), BROKEN)))
        is BROKEN
    )
    assert events == []


def test_only_the_cards_that_are_left_are_written(peer, events):
    """A key of four cards of which three are written needs one; its key file stays even if that one
    never comes.
    """
    steps = [((peer, RESUME), resumed(expcards=2)), *hashing(peer, 1), ((peer, LOOK), cards(2))]
    key = play(going_on([peer], events), *steps, ((peer, write(2)), written(0)), forgotten(peer))
    assert (key.expcards, key.explease) == (2, 0)
    assert untimed(events)[4:] == [CardsNeeded(1), CardTried(2), CardDone(0)]
    assert (
        refusal(lambda: play(going_on([peer], events), *steps, ((peer, write(2)), NO_CARD)))
        is NO_CARD
    )
    assert store().aliases() == ["release"]


def test_going_on_does_not_take_the_alias_of_another_key(peer, events):
    """A finished key of the same alias keeps its file: its public key may be nowhere else."""
    other = a_key_file("release")
    store().save(other)
    refused = refusal(
        lambda: play(
            going_on([peer], events), ((peer, RESUME), resumed()), *hashing(peer), forgotten(peer)
        )
    )
    assert refused.status is Status.ObjectInUse
    assert store().load("release") == other


def test_a_half_made_key_is_given_up_only_when_asked(peer, events):
    """With replace=yes the machine is told to forget what it has of that alias."""
    play(
        story([peer], events, replace=True),
        ((peer, request(replace=True)), STARTED),
        *hashing(peer),
        forgotten(peer),
    )


# ---------------------------------------------------------------- which machine


def test_a_singular_key_is_made_on_the_first_machine(events):
    """Nobody is asked for cards that are not needed."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    play(
        story([first, second], events),
        ((first, request()), STARTED),
        *hashing(first),
        forgotten(first),
    )


def test_a_sectorized_key_is_made_where_a_blank_card_is(events):
    """The first machine with a blank card is chosen; one that does not answer is passed over."""
    peers = [
        a_peer("AAAA-0000-0000"),
        a_peer("BBBB-0000-0000", 2),
        a_peer("CCCC-0000-0000", 3),
        a_peer("DDDD-0000-0000", 4),
    ]
    listings = [BROKEN, SlotListing(slots=[card(2, "lms")]), cards(4), cards(2)]
    play(
        story(peers, events, explease=1),
        ((peers, LOOK), listings),
        ((peers[2], request(explease=1)), STARTED),
        *hashing(peers[2], 1),
        ((peers[2], LOOK), cards(4)),
        ((peers[2], write(4)), written(0)),
        forgotten(peers[2]),
    )


def test_the_named_machine_is_taken(events):
    """With esn=, the others are not asked."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    play(
        story([first, second], events, esn=OTHER_ESN),
        ((second, request()), STARTED),
        *hashing(second),
        forgotten(second),
    )


def test_a_machine_that_is_not_there_is_unknown(events):
    """The refusal lists who can be reached."""
    refused = refusal(lambda: play(story([a_peer()], events, esn=OTHER_ESN)))
    assert (refused.status, refused.detail) == (
        Status.UnknownID,
        f"no HSM {OTHER_ESN} is reachable; reachable are: {ESN}",
    )


def test_without_machines_nothing_is_made(events):
    """The refusal says how to start some."""
    refused = refusal(lambda: play(story([], events)))
    assert refused.status is Status.NotAvailable
    assert "seemachine fleet up" in refused.detail
    assert store().aliases() == []


# ---------------------------------------------------------------- signing


def info(first=0, following=0, end=32, *, loaded=True, quarantined=False):
    """What a machine says of the file."""
    return NvmemfileInfo(
        file=FILE,
        public_key=PUBLIC_KEY,
        first=first,
        next=following,
        end=end,
        loaded=loaded,
        quarantined=quarantined,
    )


ASK_INFO = GetNvmemfileInfo(file=FILE)


def signed_with(leaf):
    """A signature of that leaf."""
    return NvmemfileSigned(
        signature=leaf.to_bytes(4, "big") + b"signature", leaf=leaf, remaining=24
    )


# Of one lease, and of the other one.
SIGNED, NEXT, ELSEWHERE = map(signed_with, (7, 8, 20))


@pytest.fixture
def key():
    """A key file of the key that the machines of these tests know."""
    return LmsKeyFile("release", PUBLIC_KEY, 0, 1, 0, b"")


def sign_request(message=b"message"):
    """The request to sign a small message."""
    return NvmemfileSign(file=FILE, token=bytes(16), message=message)


def test_a_machine_that_holds_leaves_signs(key):
    """Of the machines that are asked, the first in module order that holds leaves makes the
    signature.
    """
    peers = [a_peer("AAAA-0000-0000"), a_peer(ESN, 2), a_peer(OTHER_ESN, 3)]
    signed = play(
        signing.sign(a_roster(*peers), key, Message(b"message")),
        ((peers, ASK_INFO), [GONE, info(), info()]),
        ((peers[1], sign_request()), SIGNED),
    )
    assert signed == signing.Signed(SIGNED.signature, ESN, 7, 24)


def test_a_machine_that_names_another_leaf_is_not_believed(key):
    """The leaf that is remembered and compared is that of the signature: one that is called another
    is not released, and not remembered either.
    """
    peer = a_peer(ESN)
    refused = refusal(
        lambda: play(
            signing.sign(a_roster(peer), key, Message(b"message")),
            (([peer], ASK_INFO), [info()]),
            ((peer, sign_request()), replace(SIGNED, leaf=8)),
        )
    )
    assert "reports leaf 8 for a signature with another" in refused.detail
    assert memory().recall(ESN, key) == {}


def test_when_a_machine_has_just_run_out_the_next_one_signs(key):
    """A leaf that somebody else took meanwhile is no reason to refuse while another machine has
    some.
    """
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    signed = play(
        signing.sign(a_roster(first, second), key, Message(b"message")),
        (([first, second], ASK_INFO), [info(), info()]),
        ((first, sign_request()), GONE),
        ((second, sign_request()), SIGNED),
    )
    assert signed.esn == OTHER_ESN


def test_when_all_machines_have_run_out_the_guide_speaks(key):
    """The refusal is the guide's line for a key without leaves."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    steps = [
        (([first, second], ASK_INFO), [info(), info()]),
        ((first, sign_request()), GONE),
        ((second, sign_request()), GONE),
    ]
    refused = refusal(
        lambda: play(signing.sign(a_roster(first, second), key, Message(b"message")), *steps)
    )
    assert (refused.status, refused.where) == (Status.NotAvailable, "dispatch_see_nvmemfile")
    assert refused.detail.startswith("no HSMs with NVRAM 6c6d73")
    assert refused.detail.endswith(" file")


def test_a_key_that_no_machine_holds_is_not_available(key, peer):
    """Not provisioned and used up look the same, as in the guide."""
    refused = refusal(
        lambda: play(signing.sign(a_roster(peer), key, Message(b"")), (([peer], ASK_INFO), [GONE]))
    )
    assert refused.status is Status.NotAvailable


def test_a_lost_machine_is_not_taken_for_a_key_without_leaves(key):
    """Where no machine has the key but one could not be asked, the refusal is of the connection."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    steps = (([first, second], ASK_INFO), [GONE, BROKEN])
    assert (
        refusal(lambda: play(signing.sign(a_roster(first, second), key, Message(b"")), steps))
        is BROKEN
    )


def test_another_refusal_is_not_tried_elsewhere(key):
    """A machine that fails for a reason of its own is not passed over: the caller hears of it, and
    a second machine spends no leaf.
    """
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    steps = [(([first, second], ASK_INFO), [info(), info()]), ((first, sign_request()), BROKEN)]
    assert (
        refusal(
            lambda: play(signing.sign(a_roster(first, second), key, Message(b"message")), *steps)
        )
        is BROKEN
    )


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_a_message_that_fits_is_sent_whole(size, key, peer, tmp_path):
    """Up to the limit of the greeting the machine hashes, be the message bytes or a file."""
    message = bytes(size)
    (tmp_path / "message").write_bytes(message)
    for source, reply in ((message, SIGNED), (tmp_path / "message", NEXT)):
        steps = [(([peer], ASK_INFO), [info()]), ((peer, sign_request(message)), reply)]
        assert play(signing.sign(a_roster(peer), key, Message(source)), *steps).leaf == reply.leaf


@pytest.mark.parametrize("size", [1001, 3 << 20])
def test_a_message_that_does_not_fit_is_hashed_here(size, peer, tmp_path):
    """Over the limit a leaf is reserved, the digest is made on the client's side, and the signature
    is good.
    """
    made = make_key()
    lease, key = made.lease(0), LmsKeyFile("release", made.public_key.encode(), 0, 0, 0, b"")
    message = b"x" * size
    (tmp_path / "message").write_bytes(message)
    page, digests = build_page(PortableEngine(), lease, range(32), None), []
    for source in (message, tmp_path / "message"):
        asked = signing.sign(a_roster(peer), key, Message(source))
        held = NvmemfileInfo(
            file=key.name,
            public_key=key.public_key,
            first=0,
            next=3,
            end=32,
            loaded=True,
            quarantined=False,
        )
        reserved = NvmemfileReserved(
            identifier=lease.key.identifier, leaf=3, randomizer=lease.randomizer(3), remaining=28
        )
        assert resume(asked, None, None).request == GetNvmemfileInfo(file=key.name)
        reserve = resume(asked, [held], None).request
        assert reserve == NvmemfileReserve(file=key.name, token=reserve.token)
        digests.append(resume(asked, reserved, None).call())
        finish = resume(asked, digests[-1], None).request
        assert finish == NvmemfileSignDigest(file=key.name, token=reserve.token, digest=digests[-1])
    assert digests[0] == digests[1]
    [chains] = PortableEngine().sign(lease.key.ots, [lease.job(3, digests[0])])
    assert verifies(key.public_key, lease.assemble(page, 3, chains), message)


def test_a_file_that_cannot_be_read_costs_no_leaf(key, peer, tmp_path):
    """The message is looked at before anything is reserved."""
    refused = refusal(
        lambda: play(
            signing.sign(a_roster(peer), key, Message(tmp_path / "none")),
            (([peer], ASK_INFO), [info()]),
        )
    )
    assert (refused.status, refused.detail) == (
        Status.OSErrorErrno,
        f"{tmp_path / 'none'}: No such file or directory",
    )


def test_a_tree_that_is_not_loaded_is_loaded_first(peer):
    """A machine that lacks the node cache gets the key file's, in as many parts as the protocol
    needs, and then the message.
    """
    cache = bytes(CACHE_PART_BYTES) + b"rest"
    key = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 15, cache)
    parts = [
        LoadLms(file=FILE, expcache=15, offset=0, nodes=cache[:CACHE_PART_BYTES]),
        LoadLms(file=FILE, expcache=15, offset=CACHE_PART_BYTES, nodes=b"rest"),
    ]
    play(
        signing.sign(a_roster(peer), key, Message(b"message")),
        (([peer], ASK_INFO), [info(loaded=False)]),
        *[((peer, part), None) for part in parts],
        ((peer, sign_request()), SIGNED),
    )


def test_two_that_load_the_same_tree_do_not_refuse_each_other(peer):
    """A later part that finds the tree loaded by somebody else is no refusal; the message is
    signed.
    """
    cache = bytes(CACHE_PART_BYTES) + b"rest"
    key = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 15, cache)
    first = LoadLms(file=FILE, expcache=15, offset=0, nodes=cache[:CACHE_PART_BYTES])
    second = LoadLms(file=FILE, expcache=15, offset=CACHE_PART_BYTES, nodes=b"rest")
    play(
        signing.sign(a_roster(peer), key, Message(b"message")),
        (([peer], ASK_INFO), [info(loaded=False)]),
        ((peer, first), None),
        ((peer, second), StatusError(Status.InvalidParameter, "another part comes next")),
        ((peer, sign_request()), SIGNED),
    )


def test_a_later_part_that_is_refused_for_another_reason_is_a_refusal(peer):
    """Only two who load at once are let off."""
    cache = bytes(CACHE_PART_BYTES) + b"rest"
    key = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 15, cache)
    first = LoadLms(file=FILE, expcache=15, offset=0, nodes=cache[:CACHE_PART_BYTES])
    second = LoadLms(file=FILE, expcache=15, offset=CACHE_PART_BYTES, nodes=b"rest")
    full = StatusError(Status.OSErrorErrno, "no room")
    steps = [
        (([peer], ASK_INFO), [info(loaded=False)]),
        ((peer, first), None),
        ((peer, second), full),
    ]
    assert (
        refusal(lambda: play(signing.sign(a_roster(peer), key, Message(b"message")), *steps))
        is full
    )


@pytest.mark.parametrize(("loaded", "cache"), [(True, b"nodes"), (False, b"")])
def test_nothing_is_loaded_without_need_or_without_a_cache(loaded, cache, peer):
    """A machine that is ready gets the message at once, and so does one for which there is no
    cache.
    """
    key = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 5, cache)
    steps = [(([peer], ASK_INFO), [info(loaded=loaded)]), ((peer, sign_request()), SIGNED)]
    play(signing.sign(a_roster(peer), key, Message(b"message")), *steps)


def test_a_cache_that_does_not_fit_is_a_refusal(peer):
    """A machine that refuses the key file's cache is not asked to sign."""
    key = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 5, b"nodes")
    wrong = StatusError(Status.InvalidParameter, "the node cache does not lead to the root")
    load = LoadLms(file=FILE, expcache=5, offset=0, nodes=b"nodes")
    steps = [(([peer], ASK_INFO), [info(loaded=False)]), ((peer, load), wrong)]
    assert (
        refusal(lambda: play(signing.sign(a_roster(peer), key, Message(b"message")), *steps))
        is wrong
    )


def test_the_machine_that_signed_last_is_asked_first(key):
    """The second signature takes one request, whatever the module order; the roster remembers for
    each key.
    """
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    roster = a_roster(first, second)
    play(
        signing.sign(roster, key, Message(b"message")),
        (([first, second], ASK_INFO), [GONE, info()]),
        ((second, sign_request()), SIGNED),
    )
    signed = play(signing.sign(roster, key, Message(b"message")), ((second, sign_request()), NEXT))
    assert signed.esn == OTHER_ESN
    other = a_key_file("other")
    asked = signing.sign(roster, other, Message(b"message"))
    assert resume(asked, None, None).request == GetNvmemfileInfo(file=other.name)


def test_when_it_has_run_out_all_are_asked_again(key):
    """A machine whose lease is used up makes way for the others, in module order."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    roster = a_roster(first, second)
    play(
        signing.sign(roster, key, Message(b"message")),
        (([first, second], ASK_INFO), [GONE, info()]),
        ((second, sign_request()), SIGNED),
    )
    signed = play(
        signing.sign(roster, key, Message(b"message")),
        ((second, sign_request()), GONE),
        (([first, second], ASK_INFO), [info(), GONE]),
        ((first, sign_request()), ELSEWHERE),
    )
    assert signed.esn == ESN


def test_when_it_forgot_the_tree_it_gets_it_again(peer):
    """A machine that signed before and needs the node cache again is asked what it needs."""
    key, roster = LmsKeyFile("release", PUBLIC_KEY, 0, 0, 5, b"nodes"), a_roster(peer)
    load = LoadLms(file=FILE, expcache=5, offset=0, nodes=b"nodes")
    play(
        signing.sign(roster, key, Message(b"message")),
        (([peer], ASK_INFO), [info()]),
        ((peer, sign_request()), SIGNED),
    )
    play(
        signing.sign(roster, key, Message(b"message")),
        ((peer, sign_request()), StatusError(Status.NotAvailable, "the tree is not loaded")),
        (([peer], ASK_INFO), [info(loaded=False)]),
        ((peer, load), None),
        ((peer, sign_request()), NEXT),
    )


def test_after_a_lost_connection_nobody_is_preferred(key):
    """The refusal goes to the caller, and the next signature asks all machines."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    roster = a_roster(first, second)
    play(
        signing.sign(roster, key, Message(b"message")),
        (([first, second], ASK_INFO), [GONE, info()]),
        ((second, sign_request()), SIGNED),
    )
    assert (
        refusal(
            lambda: play(
                signing.sign(roster, key, Message(b"message")), ((second, sign_request()), BROKEN)
            )
        )
        is BROKEN
    )
    steps = [(([first, second], ASK_INFO), [info(), BROKEN]), ((first, sign_request()), ELSEWHERE)]
    assert play(signing.sign(roster, key, Message(b"message")), *steps).esn == ESN


# ---------------------------------------------------------------- signing again

LOST = StatusError(
    Status.OSErrorErrno, "connection to 127.0.0.1 on port 8888: broken", connecting.CONNECT
)
USED = StatusError(Status.ObjectInUse, "leaf 3 waits for no digest any more, and is burned")


def asked_again(asked, effect):
    """Lose the reply of each request until the story asks for something else.

    Returns the requests, and that effect.
    """
    requests = []
    while isinstance(effect, Ask) and (not requests or effect.request == requests[0]):
        requests.append(effect.request)
        effect = resume(asked, None, LOST)
        if isinstance(effect, Pause):
            assert effect.seconds > 0
            effect = resume(asked, None, None)
    return requests, effect


def test_a_lost_reply_is_asked_for_again_under_the_same_token(key, peer):
    """The machine may have taken a leaf; by the token it knows the request, so none is burned, and
    the story ends as if nothing was.
    """
    asked = signing.sign(a_roster(peer), key, Message(b"message"))
    resume(asked, None, None)
    first = resume(asked, [info()], None)
    for _ in range(3):
        assert isinstance(resume(asked, None, LOST), Pause)
        again = resume(asked, None, None)
        assert (again.peer, again.request) == (peer, first.request)
    with pytest.raises(StopIteration) as end:
        resume(asked, SIGNED, None)
    assert end.value.value.leaf == 7


def test_every_signature_has_a_token_of_its_own(key, peer):
    """Also one that repeats a message: a request that is not a retry must get a leaf of its own."""
    tokens = set()
    for number in range(20):
        asked = signing.sign(a_roster(peer), key, Message(b"message"))
        resume(asked, None, None)
        tokens.add(resume(asked, [info()], None).request.token)
        assert len(tokens) == number + 1


def test_a_machine_that_is_gone_for_good_makes_way(key):
    """When it does not come back the request is given up, and the next machine signs, under another
    token.
    """
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    asked = signing.sign(a_roster(first, second), key, Message(b"message"))
    resume(asked, None, None)
    requests, effect = asked_again(asked, resume(asked, [info(), info()], None))
    assert len(requests) == len(persisting.RETRY_PAUSES) + 1
    assert effect.peer is second
    assert effect.request.token != requests[0].token
    with pytest.raises(StopIteration) as end:
        resume(asked, ELSEWHERE, None)
    assert end.value.value.esn == OTHER_ESN


def test_when_nobody_else_has_leaves_the_lost_connection_is_the_refusal(key, peer):
    """Who was asked in vain hears of the connection, not that the key has no leaves."""
    asked = signing.sign(a_roster(peer), key, Message(b"message"))
    resume(asked, None, None)
    with pytest.raises(StatusError) as refused:
        asked_again(asked, resume(asked, [info()], None))
    assert refused.value is LOST


def hashed_here(peer):
    """A story that has reserved a leaf for a long message, with what was asked and the digest that
    it made.
    """
    made = make_key()
    key = LmsKeyFile("release", made.public_key.encode(), 0, 0, 0, b"")
    held = NvmemfileInfo(
        file=key.name,
        public_key=key.public_key,
        first=0,
        next=3,
        end=32,
        loaded=True,
        quarantined=False,
    )
    asked = signing.sign(a_roster(peer), key, Message(b"x" * 1001))
    resume(asked, None, None)
    return asked, made.lease(0), resume(asked, [held], None).request


def a_reservation(lease, leaf=3):
    """What the machine answers to nvmemfile_reserve."""
    return NvmemfileReserved(
        identifier=lease.key.identifier, leaf=leaf, randomizer=lease.randomizer(leaf), remaining=28
    )


def test_both_halves_of_a_long_message_are_asked_for_again(peer):
    """A lost reservation and a lost signature are asked for under the one token, with the one
    digest.
    """
    asked, lease, reserve = hashed_here(peer)
    resume(asked, None, LOST)
    assert resume(asked, None, None).request == reserve
    digest = resume(asked, a_reservation(lease), None).call()
    finish = resume(asked, digest, None).request
    assert (finish.token, finish.digest) == (reserve.token, digest)
    resume(asked, None, LOST)
    assert resume(asked, None, None).request == finish


def test_a_machine_that_started_anew_between_the_halves(peer):
    """It has burned the leaf: the message is hashed again for another leaf, under another token; a
    second time is a refusal.
    """
    asked, lease, reserve = hashed_here(peer)
    resume(asked, resume(asked, a_reservation(lease), None).call(), None)
    again = resume(asked, None, USED).request
    assert again == replace(reserve, token=again.token)
    assert again.token != reserve.token
    digest = resume(asked, a_reservation(lease, 4), None).call()
    assert resume(asked, digest, None).request.digest == digest
    with pytest.raises(StatusError) as refused:
        resume(asked, None, USED)
    assert refused.value is USED


def test_a_file_in_quarantine_is_passed_over(key):
    """A machine whose file is in quarantine is not asked to sign, and another that has
    leaves is.
    """
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    signed = play(
        signing.sign(a_roster(first, second), key, Message(b"message")),
        (([first, second], ASK_INFO), [info(quarantined=True), info()]),
        ((second, sign_request()), SIGNED),
    )
    assert signed.esn == OTHER_ESN


def test_when_all_leaves_are_in_quarantine_that_is_the_refusal(key, peer):
    """The refusal has the machine, the reason and what to do, and is none for a key
    without leaves.
    """
    steps = (([peer], ASK_INFO), [info(quarantined=True)])
    refused = refusal(lambda: play(signing.sign(a_roster(peer), key, Message(b"")), steps))
    assert (refused.status, refused.where) == (Status.AccessDenied, "dispatch_see_nvmemfile")
    assert f"of {ESN} is in quarantine; see: seemachine quarantine explain" in refused.detail


def test_a_token_is_a_uuid_of_version_7():
    """Its first 48 bits are the time in milliseconds, so that later ones sort behind earlier ones
    (RFC 9562 5.7).
    """
    before = time.time_ns() // 1_000_000
    token = uuid.UUID(bytes=signing.new_token())
    assert (token.version, token.variant) == (7, uuid.RFC_4122)
    assert before <= token.int >> 80 <= time.time_ns() // 1_000_000
    assert len({signing.new_token() for _ in range(1000)}) == 1000


# ---------------------------------------------------------------- looking and moving


def test_info_asks_every_machine(key):
    """A key's leaves are summed over the machines; one that does not answer has none,
    and no cards.
    """
    peers = [a_peer("AAAA-0000-0000"), a_peer(ESN, 2), a_peer(OTHER_ESN, 3)]
    found = play(
        inspecting.info(a_roster(*peers), key),
        ((peers, LOOK), [cards(2, 3), EMPTY, BROKEN]),
        ((peers, ASK_INFO), [info(0, 4, 16), info(16, 16, 32), BROKEN]),
    )
    assert [
        (view.esn, len(view.slots), view.first, view.end, view.remaining) for view in found.machines
    ] == [
        ("AAAA-0000-0000", 2, 0, 16, 12),
        (ESN, 0, 16, 32, 16),
        (OTHER_ESN, 0, 0, 0, 0),
    ]
    assert (found.key, found.remaining) == (key, 28)


def test_a_lease_is_moved_on_the_named_machine():
    """Only the machine whose slot it is gets the request."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    reply = LmsProvisioned(file=FILE, public_key=PUBLIC_KEY, first=16, end=32, leases=3)
    moved = play(
        provisioning.provision(a_roster(first, second), OTHER_ESN, 4),
        ((second, ProvisionLms(slot=4)), reply),
    )
    assert moved == provisioning.Provisioned(OTHER_ESN, PUBLIC_KEY, 16, 32, 3)
    refused = refusal(lambda: play(provisioning.provision(a_roster(first), OTHER_ESN, 4)))
    assert refused.status is Status.UnknownID


def test_a_card_with_a_lease_is_waited_for(peer):
    """With patience; without, the machine refuses to move a lease from where no card is."""
    asked = provisioning.provision(a_roster(peer), ESN, 4, forever)
    steps = [
        ((peer, WaitForCard(kind="lms", slot=4, seconds=0)), NO_CARD),
        (Pause(TURN_SECONDS), None),
        ((peer, WaitForCard(kind="lms", slot=4, seconds=WAIT_SECONDS)), card(4, "lms")),
        ((peer, ProvisionLms(slot=4)), NO_CARD),
    ]
    assert refusal(lambda: play(asked, *steps)) is NO_CARD

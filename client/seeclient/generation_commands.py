"""`pipsqueak generate`, with `resume=yes` (guide 2.7.1, 2.7.2), and what to do if it breaks off."""

import sys
from collections.abc import Callable
from typing import Any

from seeclient import connecting
from seeclient.algorithms import DEFAULT, registry
from seeclient.algorithms.lms import generating
from seeclient.arguments import Arguments
from seeclient.blocking import Fleet
from seeclient.effects import Peer, Story
from seeclient.events import (
    CardDone,
    CardsNeeded,
    ChunkDone,
    Event,
    KeyMade,
    Listener,
    Resumed,
    Started,
)
from seeclient.keyfile import KeyFile
from seeclient.output import Output
from seeclient.passphrases import given_for
from seeclient.patience import fed
from seeclient.signing_commands import VENDOR
from seemachine.frozen import replace
from seemachine.wire.status import Status, StatusError

# After these a half-made key is on the machine's disk.
KEPT = Resumed | ChunkDone | CardDone
MADE = "the key {} is made"
GO_ON = "What is done is kept; resume with: pipsqueak generate alias={} resume=yes"
MAYBE_KEPT = (
    "Its first step may have been kept; resume with: pipsqueak generate alias={} resume=yes"
    " (if there is no half-made key, give the same command again)"
)
# Guide 1.2.
LATER = (
    f"{DEFAULT} is the default of PQSDK {VENDOR}, and LMS will be that of later releases; say which"
    " you want with algorithm="
)
DISK_FULL = ("No space left", "disk is full")


def generate(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Make a key, or resume one. Returns the exit code."""
    if arguments.texts.get("resume") == "yes":
        return _resume(fleet, arguments, output)
    algorithm = registry.named(arguments.texts.get("algorithm", DEFAULT))
    assert algorithm is not None
    recipe: Any = algorithm.recipe(arguments.texts, arguments.numbers)
    code = _made(
        fleet,
        recipe.alias,
        recipe.cards,
        output,
        lambda progress, known: algorithm.generate(
            fleet.roster,
            replace(recipe, passphrases=known) if known else recipe,
            progress,
            _patience,
        ),
        arguments.texts.get("token", ""),
    )
    if not code and not arguments.texts.keys() & {"algorithm", "mldsacode"}:
        output.advise(LATER)
    return code


def _resume(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    alias, esn, slot = (
        arguments.texts["alias"],
        arguments.texts.get("esn", ""),
        arguments.numbers.get("slot"),
    )
    return _made(
        fleet,
        alias,
        0,
        output,
        lambda progress, _: generating.resume(fleet.roster, alias, esn, slot, progress, _patience),
    )


def _made(
    fleet: Fleet,
    alias: str,
    cards: int,
    output: Output,
    story: Callable[[Listener, tuple[str, ...]], Story[KeyFile]],
    token: str = "",
) -> int:
    events: list[Event] = []
    listen = _listener(fleet, alias, output, events)
    try:
        key = given_for(token, lambda known: fleet.run(story(listen, known)))
        output.outcome = MADE.format(alias)
        output.generated(key)
    except StatusError as error:
        _generation_refused(cards, events, error, output)
        output.advise(_way_on(fleet, alias, events, error))
        return 1
    except KeyboardInterrupt as interrupt:
        if events and _keeps(fleet):
            interrupt.add_note(_after_interrupt(alias, events))
        raise
    return 0


def _listener(fleet: Fleet, alias: str, output: Output, events: list[Event]) -> Listener:
    """What happens is printed and kept, with what becomes of the key should it break off then."""

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, KeyMade):
            output.outcome = MADE.format(alias)
        elif _stored(events, fleet):
            output.outcome = GO_ON.format(alias)
        output.event(event)

    return listen


def _patience(peer: Peer, waited: float) -> bool:
    """Wait for a person at a terminal as long as it takes; nobody answers in a pipe."""
    return sys.stdout.isatty() or fed(peer, waited)


def _generation_refused(
    cards: int, events: list[Event], error: StatusError, output: Output
) -> None:
    """Which step failed decides the last line."""
    if not events:
        output.refused(error, "generate failed")
    elif isinstance(events[-1], Started | ChunkDone):
        output.refused(error, "continueLMS failed on chunk")
        # The guide's tool goes on to say this after a failed chunk (2.7.2).
        if cards:
            output.event(CardsNeeded(cards))
    else:
        output.refused(error, "continueLMS failed on card")


def _way_on(fleet: Fleet, alias: str, events: list[Event], error: StatusError) -> str:
    """What to do about a generation that broke off; nothing where a machine refused."""
    broken = error.status in (Status.OSErrorErrno, Status.TimeLimitExceeded)
    if (
        not events
        or not _keeps(fleet)
        or not (broken or any(isinstance(event, CardDone) for event in events))
    ):
        return ""
    if any(isinstance(event, KEPT) for event in events):
        closing = isinstance(events[-1], ChunkDone) and events[-1].remaining == 1
        return "" if closing and broken else GO_ON.format(alias)
    # A machine that is gone may have kept a step all the same; then it says so when it is asked
    # again.
    known = "" if error.where == connecting.CONNECT else "Nothing was kept. "
    room = "Make room, and g" if any(full in error.detail for full in DISK_FULL) else "G"
    return f"{known}{room}ive the same command again"


def _stored(events: list[Event], fleet: Fleet) -> bool:
    """Whether there is a half-made key to resume."""
    return any(isinstance(event, KEPT) for event in events) and _keeps(fleet)


def _after_interrupt(alias: str, events: list[Event]) -> str:
    """What to do after Ctrl-C. A machine may finish its first step after its client is gone."""
    if any(isinstance(event, KEPT) for event in events):
        return GO_ON.format(alias)
    return MAYBE_KEPT.format(alias)


def _keeps(fleet: Fleet) -> bool:
    """Machines that forget everything at their end (epoch 0) keep no half-made keys either."""
    return any(peer.greeting.epoch for peer in fleet.roster.peers)

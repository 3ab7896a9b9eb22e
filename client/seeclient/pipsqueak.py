"""The `pipsqueak` command of the guide (2.6 to 2.9): the same words, the same lines.

Exit codes: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from seeclient import (
    advice,
    algorithms,
    connecting,
    environment,
    operations,
    signing_commands,
)
from seeclient.algorithms import registry
from seeclient.algorithms.lms import generating
from seeclient.arguments import USAGE, Arguments, parse
from seeclient.blocking import Fleet
from seeclient.effects import Peer, Story
from seeclient.events import CardDone, CardsNeeded, ChunkDone, Event, Listener, Resumed, Started
from seeclient.keyfile import KeyFile
from seeclient.output_text import Output, TextOutput
from seeclient.patience import fed
from seeclient.signing_commands import COMPAT_VARIABLE, VENDOR
from seeclient.values import UsageError
from seemachine.printing import say
from seemachine.terminal import settle_streams
from seemachine.wire.names import SDK_VERSION
from seemachine.wire.status import Status, StatusError

# After these a half-made key is on the machine's disk.
KEPT = Resumed | ChunkDone | CardDone
GO_ON = "What is done is kept; resume with: pipsqueak generate alias={} resume=yes"
DISK_FULL = ("No space left", "disk is full")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line."""
    settle_streams()
    try:
        code = _run(sys.argv[1:] if words is None else words, os.environ)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        # Behind the terminal's own ^C.
        say(
            *([""] if sys.stderr.isatty() else []),
            "interrupted",
            *getattr(interrupt, "__notes__", ()),
            sep="\n",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        # Nobody can read what we print; keep the interpreter from complaining about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say(f"pipsqueak: {error}", file=sys.stderr)
        return 1
    return code


def _run(words: Sequence[str], environ: Mapping[str, str]) -> int:
    if "--help" in words or "-h" in words or list(words) == ["help"]:
        say(*USAGE.splitlines(), sep="\n")
        return 0
    if "--version" in words:
        say(f"pipsqueak {SDK_VERSION}")
        return 0
    try:
        arguments = replace(parse(words), quirks=_quirks(environ))
    except UsageError as error:
        say(f"pipsqueak: {error}", file=sys.stderr)
        say("See pipsqueak --help", file=sys.stderr)
        return 2
    output = _output(arguments)
    try:
        code = _connected(arguments, environ, output)
    except BaseException:
        output.abandon()
        raise
    output.close()
    return code


def _quirks(environ: Mapping[str, str]) -> bool:
    chosen = environ.get(COMPAT_VARIABLE, "")
    if chosen not in (VENDOR, ""):
        raise UsageError(f"{COMPAT_VARIABLE} takes {VENDOR}, not {chosen}")
    return chosen == VENDOR


def _output(arguments: Arguments) -> Output:
    if not arguments.json:
        return TextOutput()
    from seeclient.output_json import JsonOutput

    return JsonOutput(arguments.verb)


def _connected(arguments: Arguments, environ: Mapping[str, str], output: Output) -> int:
    try:
        told = environment.from_process(environ)
        fleet = Fleet(told)
    except StatusError as error:
        output.refused(error, "connect failed")
        return 1
    try:
        output.machines(fleet.roster)
        if sys.stderr.isatty():
            advice.give(advice.nobody_answers(fleet.roster, told))
        return COMMANDS[arguments.verb](fleet, arguments, output)
    finally:
        fleet.close()


def _banner(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    del fleet, arguments, output
    return 0


def _list(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    del arguments
    output.listing(fleet.roster.keys.listing())
    return 0


def _showinfo(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    try:
        info = fleet.run(
            operations.info(fleet.roster, fleet.roster.keys.load(arguments.texts["alias"]))
        )
        output.info(info.without_thresholds() if arguments.quirks else info)
    except StatusError as error:
        output.refused(error, "showinfo failed")
        advice.give(advice.showing_refused(arguments.texts["alias"], error))
        return 1
    return 0


def _threshold(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    try:
        key = fleet.roster.keys.load(arguments.texts["alias"])
        count = arguments.numbers["warnat"]
        output.threshold(fleet.run(operations.warn_at(fleet.roster, key, count)), count)
    except StatusError as error:
        output.refused(error, "threshold not set")
        return 1
    return 0


def _provision(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    esn, slot = arguments.texts["provesn"], arguments.numbers["slot"]
    output.provisioning(esn, slot)
    try:
        moved = fleet.provision(esn, slot)
        output.provisioned(moved)
        if moved.threshold_refusal is not None:
            output.note(moved.threshold_refusal)
    except StatusError as error:
        output.refused(error, "provisionLMS command failed")
        advice.give(advice.provisioning_refused(error))
        return 1
    return 0


def _generate(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    if arguments.texts.get("resume") == "yes":
        return _resume(fleet, arguments, output)
    algorithm = registry.named(arguments.texts.get("algorithm", "mldsa"))
    if algorithm is None:
        said = "use" if "algorithm" in arguments.texts else "add"
        known, first = " and ".join(algorithms.MODULES), next(iter(algorithms.MODULES)).lower()
        default = "" if said == "use" else f"ML-DSA is the default of PQSDK {VENDOR}; "
        refusal = f"{default}only {known} keys are served: {said} algorithm={first}"
        output.refused(
            StatusError(Status.NotYetImplemented, refusal, "generate"), "generate failed"
        )
        return 1
    recipe = algorithm.recipe(arguments.texts, arguments.numbers)
    return _tell_story(
        fleet,
        recipe.alias,
        recipe.cards,
        output,
        lambda tell: algorithm.generate(fleet.roster, recipe, tell, _patience),
    )


def _resume(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    alias, esn, slot = (
        arguments.texts["alias"],
        arguments.texts.get("esn", ""),
        arguments.numbers.get("slot"),
    )
    return _tell_story(
        fleet,
        alias,
        0,
        output,
        lambda tell: generating.resume(fleet.roster, alias, esn, slot, tell, _patience),
    )


def _tell_story(
    fleet: Fleet,
    alias: str,
    cards: int,
    output: Output,
    story: Callable[[Listener], Story[KeyFile]],
) -> int:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        output.event(event)

    try:
        output.generated(fleet.run(story(listen)))
    except StatusError as error:
        _generation_refused(cards, events, error, output)
        advice.give(_way_on(fleet, alias, events, error))
        return 1
    except KeyboardInterrupt as interrupt:
        if any(isinstance(event, KEPT) for event in events) and _keeps(fleet):
            interrupt.add_note(GO_ON.format(alias))
        raise
    return 0


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


def _keeps(fleet: Fleet) -> bool:
    """Machines that forget everything at their end (epoch 0) keep no half-made keys either."""
    return any(peer.greeting.epoch for peer in fleet.roster.peers)


COMMANDS: dict[str, Callable[[Fleet, Arguments, Output], int]] = {
    "banner": _banner,
    "generate": _generate,
    "list": _list,
    "showinfo": _showinfo,
    "provision": _provision,
    "threshold": _threshold,
    "sign": signing_commands.sign,
    "verify": signing_commands.verify,
}

if __name__ == "__main__":
    sys.exit(main())

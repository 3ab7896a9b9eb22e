"""`seemachine fault add|list|clear`: what goes wrong on machines that run."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from seeclient import blocking, dispatch, environment
from seeclient.effects import Peer, Story
from seeclient.environment import Environment
from seeclient.refusals import Unreachable

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.document import status_of
from seemachine.faults import FaultError, fault_of
from seemachine.faults.forms import MOST_HELLOS
from seemachine.fleet import injecting
from seemachine.state.errors import counted
from seemachine.wire.messages import InjectedFault
from seemachine.wire.status import StatusError

NOBODY = "no machine is up; start some with: seemachine fleet up --fault-injection"
Rows = list[dict[str, Any]]


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing on the machine that is named, or on all. Returns the exit code."""
    ask, tell = VERBS[verb]
    story, answer = ask(options), options.answer
    with _connected(environment.from_process(options.environ, options.world)) as fleet:
        peers = _peers(fleet, options.esn, answer)
        rows: Rows = []
        failures = []
        for peer in peers:
            try:
                rows += [{"esn": peer.esn, **row} for row in fleet.run(story(peer))]
            except StatusError as error:
                failures.append(error)
        if len(failures) == len(peers):
            raise Refused(failures[0].sentence, 1, status_of(failures[0]))
        for failure in failures:
            answer.note(failure.sentence)
        return tell(rows, answer)


@contextmanager
def _connected(told: Environment) -> Iterator[blocking.Fleet]:
    """Again for as long as a fault meets hello."""
    for left in reversed(range(MOST_HELLOS + 1)):
        with blocking.connected(told, doubted=True) as fleet:
            if not left or not any(map(_answers, fleet.roster.failures)):
                yield fleet
                return


def _answers(failure: StatusError) -> bool:
    """Whether somebody is there."""
    return not isinstance(failure, Unreachable) or failure.was_asked


def _peers(fleet: blocking.Fleet, esn: str | None, answer: Answer) -> list[Peer]:
    for failure in fleet.roster.failures:
        answer.note(failure.detail)
    if not fleet.roster.peers:
        raise Refused(NOBODY)
    return [dispatch.machine(fleet.roster, esn)] if esn else fleet.roster.peers


# ---- add -----------------------------------------------------------------------------------------


def _add(options: argparse.Namespace) -> Callable[[Peer], Story[Rows]]:
    try:
        line = fault_of(_as_said(options)).text
    except FaultError as error:
        raise Misused(str(error)) from None

    def story(peer: Peer) -> Story[Rows]:
        return [_row((yield from injecting.add(peer, line)))]

    return story


def _as_said(options: argparse.Namespace) -> str | list[str]:
    """In words, or as one line in quotes, which `fleet up --fault` takes."""
    kind: str = options.kind
    return kind if " " in kind and not options.words else [kind, *map(_unquoted, options.words)]


def _unquoted(word: str) -> str:
    """Quotes that the shell left around a value are not part of it."""
    name, equals, value = word.partition("=")
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return f"{name}{equals}{value[1:-1] if quoted else value}"


def _tell_added(rows: Rows, answer: Answer) -> int:
    answer.give(faults=rows)
    for row in rows:
        answer.say(f"{row['esn']}  fault {row['number']}: {row['fault']}")
    return 0


# ---- list ----------------------------------------------------------------------------------------


def _list(_options: argparse.Namespace) -> Callable[[Peer], Story[Rows]]:
    def story(peer: Peer) -> Story[Rows]:
        latency, found = yield from injecting.listing(peer)
        return [{"latency": latency, "faults": [_row(each) for each in found]}]

    return story


def _tell_listed(rows: Rows, answer: Answer) -> int:
    answer.give(machines=rows)
    for machine in rows:
        esn, latency = machine["esn"], machine["latency"]
        if latency:
            answer.say(f"{esn}  latency {latency}")
        for row in machine["faults"]:
            answer.say(f"{esn}  fault {row['number']}: {row['fault']}  ({_happened(row)})")
        if not latency and not machine["faults"]:
            answer.say(f"{esn}  nothing goes wrong")
    return 0


def _happened(row: dict[str, Any]) -> str:
    spent = ", is spent" if row["spent"] else ""
    met = f"met {_often(row['met'])}, " if row["met"] else ""
    happened = f"happened {_often(row['fired'])}" if row["fired"] else "has not happened yet"
    return f"{met}{happened}{spent}"


def _often(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


# ---- clear ---------------------------------------------------------------------------------------


def _clear(options: argparse.Namespace) -> Callable[[Peer], Story[Rows]]:
    if options.number and not options.esn:
        raise Misused("each machine numbers its own faults; say whose with --esn")

    def story(peer: Peer) -> Story[Rows]:
        return [{"cleared": (yield from injecting.clear(peer, options.number))}]

    return story


def _tell_cleared(rows: Rows, answer: Answer) -> int:
    answer.give(machines=rows)
    for row in rows:
        answer.say(f"{row['esn']}  {counted(row['cleared'], 'fault')} cleared")
    return 0


def _row(fault: InjectedFault) -> dict[str, Any]:
    names = ("number", "fault", "met", "fired", "spent")
    return {name: getattr(fault, name) for name in names}


VERBS: dict[str, tuple[Callable[..., Any], Callable[[Rows, Answer], int]]] = {
    "add": (_add, _tell_added),
    "list": (_list, _tell_listed),
    "clear": (_clear, _tell_cleared),
}

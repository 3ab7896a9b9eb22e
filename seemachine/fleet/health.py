"""What `seemachine fleet check` finds out by asking: machines that do not answer, leaves in
quarantine, a fleet that nobody watches.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from seeclient import blocking
from seeclient.connecting import at_once
from seeclient.effects import Address, Peer
from seeclient.environment import Environment

from seemachine.config import ConfigError
from seemachine.fleet import certificates, configuration, running, status
from seemachine.fleet.finding import NOTE, CheckResult
from seemachine.fleet.keys import keyless
from seemachine.fleet.suspects import suspects
from seemachine.hsms import published, records, supervised
from seemachine.hsms.published import Published
from seemachine.state.disk import world_key
from seemachine.state.disk.lock import holder
from seemachine.state.errors import counted
from seemachine.wire.names import TAKES_FAULTS, printed_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

# A step of a generation takes seconds.
LEFT_MINUTES = 10


def findings(environment: Environment) -> list[CheckResult]:
    """Everything found, most far-reaching first."""
    world = environment.world
    esns = [
        folder.name
        for folder in sorted((world.machines).glob("*"))
        if records.running(world, folder.name)
    ]
    return [
        *_files(world),
        *_unwatched(world, esns),
        *_asked(environment, esns),
        *_half_made(world),
    ]


def _files(world: World) -> Iterator[CheckResult]:
    path = world.fleet_file
    try:
        if path.exists():
            yield from certificates.findings(configuration.read(path, world).machines)
    except ConfigError as error:
        yield CheckResult("", str(error), "mend it; without it no fleet comes up")
    if world_key.is_missing(world):
        problem = (
            f"{world.key_file} is missing, and only it can read {world_key.told_needing(world)}"
        )
        advice = "put it back from its safe place, or move away key files of another world"
        yield CheckResult("", problem, advice)


def _unwatched(world: World, esns: Iterable[str]) -> Iterator[CheckResult]:
    if holder(world.fleet) is None:
        left = [esn for esn in esns if supervised.is_supervised(world, esn)]
        if left:
            which = left[0] if len(left) == 1 else f"one of {counted(len(left), 'machine')}"
            yield CheckResult(
                "",
                f"the supervisor is gone: when {which} dies it is not started again",
                "seemachine fleet down; seemachine fleet up",
            )
        return
    for each in running.machines(world) or ():
        esn = each["esn"]
        if moved := status.moved_from(world, esn, each["port"]):
            yield CheckResult(
                esn,
                f"port {moved} was taken when it started, so it listens on another",
                f"clients on this host find it; for others free port {moved} and start the fleet"
                " again, or write another port into fleet.toml",
                NOTE,
            )
        if not records.running(world, esn):
            yield CheckResult(
                esn,
                "the fleet is up, but this machine is down",
                status.failure(world, esn) or f"the reason is in {configuration.log_path(world)}",
            )


def _asked(environment: Environment, esns: Iterable[str]) -> Iterator[CheckResult]:
    """Over the wire, several at one time: one that is frozen takes its seconds."""
    entries = [published.listening(environment.world, esn) for esn in esns]
    for found in at_once(partial(_answers, environment), list(filter(None, entries))):
        yield from found


def _answers(environment: Environment, entry: Published) -> list[CheckResult]:
    """What one machine has to say."""
    # With its NVRAM: while it starts, another world's machine may have its last port.
    socket = "" if entry.port else entry.socket
    where = entry.host, entry.port, entry.module, entry.esn, entry.tls, entry.nvram, socket
    fleet = blocking.Fleet(replace(environment, fleet=[Address(*where)]), doubted=True)
    try:
        return [
            *_socketless(entry),
            *map(partial(_unanswered, entry), fleet.roster.failures),
            *(found for peer in fleet.roster.peers for found in _suspicions(fleet, peer)),
        ]
    finally:
        fleet.close()


def _socketless(entry: Published) -> Iterator[CheckResult]:
    """Of a machine that its port still leads to."""
    if entry.port and entry.socket and not Path(entry.socket).is_socket():
        yield CheckResult(
            entry.esn,
            f"its socket {entry.socket} is gone",
            "see who removed it, and start the machine again",
        )


def _unanswered(entry: Published, failure: StatusError) -> CheckResult:
    return CheckResult(
        entry.esn,
        f"it can't be asked: {failure.detail}",
        "fleet status says whether its process is stopped; if it hangs, end it",
    )


def _suspicions(fleet: blocking.Fleet, peer: Peer) -> Iterator[CheckResult]:
    if peer.doubt is not None:
        # The memory of this host may be at fault: a full disk is nothing of the machine's.
        of_host = peer.doubt.status is Status.OSErrorErrno
        advice = "do what that says" if of_host else "seemachine quarantine explain"
        yield CheckResult(peer.esn, peer.doubt.detail, advice)
    try:
        found = [suspect for _, suspect in fleet.run(suspects(fleet.roster))]
    except StatusError as refused:
        yield CheckResult(
            peer.esn,
            f"what it has in quarantine is not known: {refused.detail}",
            "look at it with: seemachine quarantine list",
        )
        return
    yield from _injected(peer)
    yield from _keyless(fleet, peer)
    for suspect in found:
        what = (
            f"NVRAM file {printed_name(suspect.file)}"
            if suspect.file
            else f"half-made key {suspect.label}"
        )
        yield CheckResult(
            peer.esn, f"{what} is in quarantine: {suspect.reason}", "seemachine quarantine explain"
        )


def _injected(peer: Peer) -> Iterator[CheckResult]:
    for each in peer.greeting.faults.split("; "):
        if each not in ("", TAKES_FAULTS):
            yield CheckResult(peer.esn, *_told_of(each))


def _told_of(injected: str) -> tuple[str, str]:
    """A problem, and advice, of one of the things that a machine says of what is injected."""
    if injected.startswith("latency "):
        return (
            f"it is slow on purpose, for tests: {injected}",
            "for its full speed take --latency away, or latency from fleet.toml, and start it anew",
        )
    return (
        f"things go wrong on purpose, for tests: {injected}",
        "seemachine fault list; seemachine fault clear",
    )


def _keyless(fleet: blocking.Fleet, peer: Peer) -> Iterator[CheckResult]:
    """Leaves that nothing on this host names."""
    with contextlib.suppress(StatusError):  # who can't be asked is told of already
        for info in fleet.run(keyless(fleet.roster, peer)):
            name = printed_name(info.file)
            what = f"NVRAM file {name} has {counted(info.remaining, 'signature')} of a key that has"
            yield CheckResult(
                peer.esn,
                f"{what} no key file here",
                "put its key file into kmdata/local, if another host has it; or destroy it with:"
                f" seemachine key destroy {name}",
            )


def _half_made(world: World) -> Iterator[CheckResult]:
    for path in sorted(world.folder.glob("hsm/*/making/*.key")):
        minutes = int(_idle_seconds(path, path.with_suffix(".rows")) / 60)
        if minutes >= LEFT_MINUTES:
            advice = (
                f"pipsqueak generate alias={path.stem} resume=yes, or replace=yes to give it up"
            )
            yield CheckResult(
                path.parts[-3],
                f"nobody has gone on with the half-made key {path.stem} for {minutes} minutes",
                advice,
            )


def _idle_seconds(*paths: Path) -> float:
    """Since one of them was written to.

    None of them is there any more once a key is done: then it was now.
    """
    now, written = time.time(), []
    for path in paths:
        with contextlib.suppress(OSError):
            written.append(path.stat().st_mtime)
    return now - max(written, default=now)

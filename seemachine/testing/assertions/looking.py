"""What machines say of their leaves, without anything being taken, changed or disturbed.

Machines of this process are asked within the call, whatever loop runs, and no fault or latency is
met. Others are asked through a client.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from seeclient import blocking, environment
from seeclient.effects import Peer, ask

from seemachine.audit.rows import Handed
from seemachine.commands import answer
from seemachine.frozen import frozen
from seemachine.machine import Machine, Session
from seemachine.wire.messages import (
    MAX_LEDGER_PAGE,
    MAX_SUSPECTS,
    LedgerEntry,
    ListNvmemfiles,
    ListQuarantine,
    NvmemfileInfo,
    ReadLedger,
    Suspect,
)
from seemachine.wire.names import is_esn
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError
from seemachine.world import World

Reply = TypeVar("Reply", bound=Record)
Ask = Callable[[Request[Any]], Any]


@frozen
class Looked:
    """What one machine said: rows of its ledger, NVRAM files, and what is in quarantine.

    The rows were read first, then the files: a leaf taken in between is in neither.
    """

    esn: str
    rows: tuple[Handed, ...]
    files: tuple[NvmemfileInfo, ...]
    suspects: tuple[Suspect, ...]


def world_of(subject: object) -> World:
    """The world of a fleet, rig, world or folder. Raises TypeError for anything else."""
    if isinstance(subject, World):
        return subject
    if isinstance(subject, str | os.PathLike):
        return World.at(Path(subject))
    for holder in (subject, getattr(subject, "environment", None)):
        if isinstance(found := getattr(holder, "world", None), World):
            return found
    raise TypeError(
        "give a fleet or a Rig of seemachine.testing, a fleet of seeclient.blocking, a world or"
        f" its folder, not {subject!r}"
    )


def look(subject: object) -> tuple[list[Looked], list[str]]:
    """What the machines of a fleet, rig, world or folder say; and of those that are down why, a
    sentence each.

    Raises StatusError where one that is up refuses, TypeError for anything else.
    """
    if hosted := _hosted(subject):
        found = _in_process(subject, hosted)
        return found, _down(getattr(subject, "esns", hosted), found)
    # A fleet of tests whose machines are processes, or stopped, has a client that does not know.
    if isinstance(subject, blocking.Fleet) and not hasattr(subject, "esns"):
        return _through(subject), [failure.detail for failure in subject.failures]
    world = world_of(subject)
    with blocking.connected(environment.Environment(world), doubted=True) as fleet:
        found = _through(fleet)
    return found, _down(_esns(world), found)


def _in_process(subject: object, hosted: Mapping[str, Machine]) -> list[Looked]:
    """Once more where one of them started again meanwhile: its NVRAM was closed."""
    try:
        asked = {esn: (each.store.mark.identity, _asking(each)) for esn, each in hosted.items()}
        return [_looked(esn, *each) for esn, each in asked.items()]
    except StatusError:
        again = _hosted(subject)
        if all(again.get(esn) is each for esn, each in hosted.items()):
            raise
        return _in_process(subject, again)


def _down(esns: Iterable[str], found: Iterable[Looked]) -> list[str]:
    up = {each.esn for each in found}
    return [f"{esn} is down" for esn in esns if esn not in up]


def _esns(world: World) -> list[str]:
    """Of all machines that have a state there."""
    folders = world.machines.iterdir() if world.machines.is_dir() else ()
    return sorted(path.name for path in folders if is_esn(path.name))


def _hosted(subject: object) -> Mapping[str, Machine]:
    """Machines of this process that are up, if that is where they are."""
    for name in ("hosted", "machines"):
        found = getattr(subject, name, None)
        if isinstance(found, Mapping):
            return found
    return {}


def _asking(machine: Machine) -> Ask:
    session = Session(machine, client="seemachine.testing")
    return lambda request: _opened(answer(session, request))


def _opened(reply: Reply | StatusError) -> Reply:
    if isinstance(reply, StatusError):
        raise reply
    return reply


def _through(fleet: blocking.Fleet) -> list[Looked]:
    asked = [(peer.esn, peer.greeting.nvram, partial(_asked, fleet, peer)) for peer in fleet.peers]
    return [_looked(*each) for each in asked]


def _asked(fleet: blocking.Fleet, peer: Peer, request: Request[Reply]) -> Reply:
    return fleet.run(ask(peer, request))


def _looked(esn: str, nvram: bytes, asked: Ask) -> Looked:
    rows = tuple(_handed(esn, nvram, entry) for entry in _ledger(asked))
    files = tuple(asked(ListNvmemfiles()).files)
    return Looked(esn, rows, files, tuple(_suspects(asked)))


def _ledger(asked: Ask) -> Iterator[LedgerEntry]:
    after = 0
    while True:
        entries = asked(ReadLedger(after=after, most=MAX_LEDGER_PAGE)).entries
        yield from entries
        if len(entries) < MAX_LEDGER_PAGE:
            return
        after = entries[-1].row


def _suspects(asked: Ask) -> Iterator[Suspect]:
    after = 0
    while True:
        found = asked(ListQuarantine(after=after)).suspects
        yield from found
        if len(found) < MAX_SUSPECTS:
            return
        after += len(found)


def _handed(esn: str, nvram: bytes, entry: LedgerEntry) -> Handed:
    return Handed(
        f"ledger of {esn}",
        esn,
        nvram.hex(),
        entry.row,
        entry.file,
        entry.leaf,
        entry.digest,
        entry.token.hex(),
    )

"""What the product does with a disk after a crash: it is started, and everything is taken that can
be had.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.host import CrashHost, Leaf, Places, counters, in_place, place
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.commands.pages import prepare
from seemachine.commands.signatures import Signing
from seemachine.commands.signing import Started, start_signing
from seemachine.machine import Machine, Session
from seemachine.state.errors import StateError
from seemachine.testing import repeatable
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

# A slot that no scenario uses, so that no card in it is a copy.
SPARE = 4


class Broken(Exception):
    """The product failed otherwise than with one of its own refusals."""


def ask(session: Session, request: Any) -> Any:
    """The reply, or None for a refusal.

    Raises Broken when the product did not expect what it met.
    """
    reply = answer(session, request)
    if isinstance(reply, StatusError):
        if reply.status is Status.Failed:
            raise Broken(f"{type(request).__name__}: {reply.__cause__!r}") from reply.__cause__
        return None
    return reply


def take(machine: Machine, files: list[bytes], message: bytes = b"after") -> list[Signing]:
    """A leaf of each named file, reserved as for a batch of signatures; files without leaves are
    passed over.
    """
    requests = [
        m.NvmemfileSign(file=file, token=new_token(), message=b"%s %d" % (message, n))
        for n, file in enumerate(files)
    ]
    started = start_signing(machine, [(request, "") for request in requests])
    return [each for some in started if isinstance(some, Started) for each in some.signings]


def leaf_of(signing: Signing) -> Leaf:
    """The leaf of a reservation."""
    return signing.lease.key.identifier, signing.reserved.leaf


@dataclass
class Outcome:
    """What the product does with a disk: where leaves lie, which it gives away, what it refuses,
    and `broken`: an error that is neither.
    """

    places: Places = field(default_factory=dict)
    given: list[Leaf] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    broken: str = ""
    counters: dict[str, int] = field(default_factory=dict)


@in_place(boot=b"after the power came back")
def try_out(folder: Path, store: str, esns: tuple[str, ...], days: int = 0) -> Outcome:
    """Start every machine of a rebuilt disk, look where its leaves are, then take all that can be
    had.

    Where ledgers are kept for some days, let these pass first, and start again.
    """
    outcome, host = Outcome(), CrashHost(folder, store, repeatable("after the crash"), days)
    try:
        _start(host, esns, outcome)
        if days:
            host.forget()
            host.close_all()
            _start(host, esns, outcome)
        outcome.counters = counters(host)
        outcome.copies = host.copies()
        outcome.places = host.places(outcome.refused)
        outcome.given = [leaf for esn in host.machines for leaf in _drain(host, esn)]
    except Exception as error:  # noqa: BLE001
        outcome.broken = repr(error)
    finally:
        host.close_all()
    return outcome


def _start(host: CrashHost, esns: tuple[str, ...], outcome: Outcome) -> None:
    for esn in esns:
        try:
            host.open(esn)
        except StateError as error:
            outcome.refused.append(str(error))


def _drain(host: CrashHost, esn: str) -> Iterator[Leaf]:
    """Use up NVRAM, then every card, then finish every half-made key and use that up."""
    session = Session(host.machines[esn])
    yield from _use_up(session.machine)
    yield from _provision_all(host, session)
    for label in session.machine.checkpoints.labels():
        finish(host, session, label, SPARE)
        yield from _use_up(session.machine)
        yield from _provision_all(host, session)


def _use_up(machine: Machine) -> list[Leaf]:
    files = [machine.store.get(name) for name in machine.store.names()]
    # One more than there are, for nobody must get that one.
    for name in machine.store.names():
        # Refuses a key whose leaves do not lead to its root.
        prepare(machine, name)
    wanted = [file.name for file in files if file is not None for _ in range(file.remaining + 1)]
    taken = take(machine, wanted)
    assert len(taken) == len(wanted) - len(files)
    assert not machine.store.names()
    return [leaf_of(signing) for signing in taken]


def _provision_all(host: CrashHost, session: Session) -> Iterator[Leaf]:
    for found in [each for each in host.rack.listing() if each.leases]:
        slot = SPARE
        # A card in two places stays where it is: nothing is to be had from it there.
        if place(found.card) not in host.copies():
            host.bring(found.card, session.machine.esn, SPARE)
        elif found.esn == session.machine.esn:
            slot = found.slot
        while ask(session, m.ProvisionLms(slot=slot)):
            yield from _use_up(session.machine)


def finish(host: CrashHost, session: Session, label: str, slot: int) -> None:
    """Resume a half-made key and make it whole, with its cards, as far as the machine
    goes along.
    """
    resumed = ask(session, m.ResumeLms(label=label))
    if resumed is None:
        return
    done = ask(session, m.ContinueLms(handle=resumed.handle))
    while done is not None and done.remaining:
        done = ask(session, m.ContinueLms(handle=resumed.handle))
    for _ in range(0 if done is None else done.cards):
        host.put_blank(session.machine.esn, slot)
        ask(session, m.ContinueLmsCard(handle=resumed.handle, slot=slot))

"""What goes wrong on purpose on the machines of a test."""

from typing import TYPE_CHECKING, TypeVar

from seeclient import blocking
from seeclient.effects import ask

from seemachine.commands import answer
from seemachine.faults import Fault, fault_of
from seemachine.machine import Session
from seemachine.wire.messages import (
    MAX_FAULTS,
    AddFault,
    ClearFaults,
    InjectedFault,
    ListFaults,
)
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seemachine.testing.fleets.bench import Bench

Reply = TypeVar("Reply", bound=Record)


class Faults:
    """Faults of the machines that are up: see docs/how-to/faults.md for what there is.

    A machine that was stopped and started again has those alone that the fleet began with, and
    worn cards.
    """

    def __init__(self, bench: "Bench") -> None:
        self._bench = bench

    def add(self, fault: str | Fault, machine: int | str | None = None) -> None:
        """Have something go wrong, such as `drop-after on=signing times=1`: on each machine,
        or on one. Raises FaultError.
        """
        line = fault_of(fault).text
        for esn in self._those(machine):
            self._asked(esn, AddFault(fault=line))

    def clear(self, machine: int | str | None = None) -> None:
        """Let nothing more go wrong. Latency stays, and so do worn cards."""
        for esn in self._those(machine):
            self._asked(esn, ClearFaults(number=0))
            for line in self._bench.faults_for_good:
                self._asked(esn, AddFault(fault=line))

    def listing(self, machine: int | str = 1) -> list[InjectedFault]:
        """The faults of a machine, the oldest first: which, how often each met a request or place,
        at how many of them it happened (`fired`), and whether it is `spent`.
        """
        found: list[InjectedFault] = []
        while True:
            page = self._asked(self._bench.esn_of(machine), ListFaults(after=len(found)))
            found += page.faults
            if len(page.faults) < MAX_FAULTS:
                return found

    def _those(self, machine: int | str | None) -> list[str]:
        if machine is not None:
            return [self._bench.esn_of(machine)]
        return [esn for esn, place in self._bench.hosting.places.items() if place.is_up]

    def _asked(self, esn: str, request: Request[Reply]) -> Reply:
        """No fault is met on the way. Raises StatusError."""
        machine = self._bench.hosting.places[esn].machine
        if machine is not None:
            reply: Reply | StatusError = answer(Session(machine), request)
            if isinstance(reply, StatusError):
                raise reply
            return reply
        with blocking.connected(self._bench.environment) as client:
            for peer in client.peers:
                if peer.esn == esn:
                    return client.run(ask(peer, request))
        raise StatusError(Status.NotAvailable, f"{esn} is down; start it with fleet.start()")


def for_good(bench: "Bench", fault: Fault) -> None:
    """Have a fault that is the state of a thing: no `clear` and no restart ends it. Raises
    StatusError.
    """
    if fault.text in bench.faults_for_good:
        return
    Faults(bench).add(fault)
    bench.faults_for_good.append(fault.text)
    for place in bench.hosting.places.values():
        place.begin_with(fault.text)

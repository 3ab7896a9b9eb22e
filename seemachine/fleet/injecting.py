"""Having things go wrong on machines that run: stories."""

from seeclient.effects import Peer, Story, ask

from seemachine.wire.messages import (
    MAX_FAULTS,
    AddFault,
    ClearFaults,
    InjectedFault,
    ListFaults,
)


def add(peer: Peer, line: str) -> Story[InjectedFault]:
    """Another fault. Raises StatusError."""
    return (yield from ask(peer, AddFault(fault=line)))


def clear(peer: Peer, number: int = 0) -> Story[int]:
    """Take away a fault, or with 0 all; how many are gone. Raises StatusError."""
    cleared = yield from ask(peer, ClearFaults(number=number))
    gone: int = cleared.cleared
    return gone


def listing(peer: Peer) -> Story[tuple[str, list[InjectedFault]]]:
    """How slow a machine is told to be, and all of its faults. Raises StatusError."""
    found: list[InjectedFault] = []
    while True:
        page = yield from ask(peer, ListFaults(after=len(found)))
        found += page.faults
        if len(page.faults) < MAX_FAULTS:
            return page.latency, found

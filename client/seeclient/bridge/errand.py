"""What the helper does for one question."""

from collections.abc import Callable
from typing import Self, TypeVar

from seeclient.blocking import Fleet
from seeclient.bridge.fleets import Connected, Fleets
from seeclient.keys import KeyStore
from seeclient.refusals import Unavailable
from seemachine.wire.status import Status, StatusError

Result = TypeVar("Result")


class Errand:
    """What operations are given: the keys of this host, and a fleet once they want one.

    `noted` is the last note of this question, perhaps of an earlier helper's. A note reaches the
    host before anything that is done after it, so it is known whatever happens to this process.
    """

    def __init__(self, fleets: Fleets, noted: str, send: Callable[[str], None]) -> None:
        self._fleets = fleets
        self._send = send
        self._connected: Connected | None = None
        # Whether an operation had a fleet that was there before it.
        self._had_older = False
        self.noted = noted

    def run(self, call: Callable[[Self], Result]) -> Result:
        """Call an operation; once more with a fresh fleet, where an older one may lack the machine
        that it needs. Raises StatusError.
        """
        try:
            return call(self)
        except StatusError as refused:
            if not (self._had_older and _may_lack_machines(refused)):
                raise
        self.close()
        self._fleets.forget()
        return call(self)

    @property
    def keys(self) -> KeyStore:
        """The keys of this host: no machine is asked for them. Raises StatusError."""
        return self._fleets.keys

    @property
    def fleet(self) -> Fleet:
        """A fleet that nobody else uses now. Raises StatusError."""
        if self._connected is None:
            self._connected = self._fleets.take()
            self._had_older = self._connected.used
        return self._connected.fleet

    def note(self, text: str) -> None:
        """Have the host keep a text for when the question comes again."""
        self.noted = text
        self._send(text)

    def end(self) -> None:
        """Others may use the fleet."""
        if self._connected is not None:
            self._fleets.give_back(self._connected)
            self._connected = None

    def close(self) -> None:
        """Nobody may use the fleet any more: it may be at something, or hold something."""
        if self._connected is not None:
            self._connected.fleet.close()
            self._connected = None


def _may_lack_machines(refused: StatusError) -> bool:
    unknown_machine = refused.status is Status.UnknownID and refused.where == "dispatch_see_esn"
    return isinstance(refused, Unavailable) or unknown_machine

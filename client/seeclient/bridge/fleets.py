"""The fleets of a helper: as many as questions are asked at one time.

Requests of threads that share one fleet take turns on each machine; with a fleet each they do not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from seeclient import blocking_wire
from seeclient.blocking import Fleet
from seeclient.blocking_wire import Connect
from seeclient.bridge.read_keys import ReadKeys
from seeclient.environment import Environment

# Seconds until machines that did not answer are looked for again.
AGAIN_AFTER = 2.0


@dataclass(slots=True)
class Connected:
    """A fleet, since when (monotonic), and whether it was used before."""

    fleet: Fleet
    since: float = field(default_factory=time.monotonic)
    used: bool = False

    @property
    def lacks_machines(self) -> bool:
        """Whether some did not answer, and may by now."""
        return bool(self.fleet.failures) and time.monotonic() > self.since + AGAIN_AFTER


class Fleets:
    """Those that are not in use wait here for the next question."""

    def __init__(
        self, environment: Callable[[], Environment], connect: Connect = blocking_wire.connect
    ) -> None:
        self._environment = environment
        self._connect = connect
        self._keys: ReadKeys | None = None
        # The last that was given back is the first to be taken: in quiet times the others rest.
        self._idle: list[Connected] = []

    @property
    def keys(self) -> ReadKeys:
        """The keys of this host. Raises StatusError."""
        if self._keys is None:
            store = self._environment().roster().keys
            self._keys = ReadKeys(store.folder, store.author)
        return self._keys

    def take(self) -> Connected:
        """One for the caller alone. Raises StatusError."""
        while (connected := self._pop()) is not None:
            if not connected.lacks_machines:
                return connected
            connected.fleet.close()
        return Connected(Fleet(self._environment(), connect=self._connect))

    def give_back(self, connected: Connected) -> None:
        """Others may take it."""
        connected.used = True
        self._idle.append(connected)

    def forget(self) -> None:
        """Close all that nobody uses: a fresh one may know more of the machines."""
        while (connected := self._pop()) is not None:
            connected.fleet.close()

    def _pop(self) -> Connected | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

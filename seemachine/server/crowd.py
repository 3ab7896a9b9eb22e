"""A crowd at the door: those for whom there is no place are told so, as many as can be."""

import contextlib

import trio

from seemachine.server.admission import TurnedAway
from seemachine.server.authentication import Door
from seemachine.server.farewell import last_words
from seemachine.server.logs import Log
from seemachine.server.peers import Origin
from seemachine.wire.link import Link, Role
from seemachine.wire.status import PeerMisuse, Status

# At one time. Last words take up to a second, and a crowd must not use up the descriptors.
FAREWELLS = 32


class Crowd:
    """At the door of one machine. `passing`: sockets that it may have beside its connections."""

    def __init__(self, door: Door, log: Log, passing: int) -> None:
        self._door = door
        self._log = log
        self._farewells = trio.Semaphore(max(1, min(FAREWELLS, passing // 2)))

    async def turn_away(self, stream: trio.SocketStream, origin: Origin, full: TurnedAway) -> None:
        """Say why there is no place, unless too many others are being told."""
        self._log.warning("too many connections", peer=origin.shown, detail=str(full))
        # A crowd that is turned away must not cost a TLS handshake each.
        with contextlib.suppress(trio.WouldBlock):
            self._farewells.acquire_nowait()
            try:
                await self._say_busy(stream, origin, full)
            finally:
                self._farewells.release()

    async def _say_busy(self, stream: trio.SocketStream, origin: Origin, full: TurnedAway) -> None:
        admitted = await self._door.admit(stream, origin)
        if admitted is not None:
            busy = PeerMisuse(f"{full}; try again later", Status.ObjectInUse)
            await last_words(admitted[0], Link(Role.SERVER).last_words(busy))

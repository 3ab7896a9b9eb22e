"""Connections are taken from a port as far as there is room, several in one round of the loop."""

import math
import socket
from collections.abc import Awaitable, Callable, Iterator

import trio

from seemachine.process.scarcity import Scarcity
from seemachine.server.admission import Admission

# New connections that are looked at together, and how long a round of the loop is to take for each
# of them.
MOST_AT_ONCE = 32
SECONDS_FOR_ONE = 0.002
# Until another try, when a connection could not be taken for want of something.
SCARCE_SECONDS = 0.1
# Between two looks for a place that may be given to another.
LOOK_SECONDS = 0.01


class Acceptor:
    """Gives each connection to `converse`, in a task of its own; `most` sockets are in hand at one
    time.
    """

    def __init__(
        self,
        admission: Admission,
        most: int,
        scarcity: Scarcity,
        converse: Callable[[trio.SocketStream], Awaitable[None]],
    ) -> None:
        self._admission = admission
        self._most = most
        self._scarcity = scarcity
        self._converse = converse
        self._in_hand = 0
        self._left = trio.Event()

    async def run(self, listener: trio.SocketListener, sessions: trio.Nursery) -> None:
        """Until cancelled."""
        looked = trio.current_time()
        while True:
            try:
                room = await self._room()
                self._take(await listener.accept(), sessions)
                count = int((trio.current_time() - looked) / SECONDS_FOR_ONE)
                for another in waiting(listener, min(count, room - 1)):
                    self._take(another, sessions)
            except (OSError, MemoryError) as error:
                if not self._scarcity.met(error):
                    raise
                await trio.sleep(SCARCE_SECONDS)
            looked = trio.current_time()

    async def _room(self) -> int:
        """Wait until somebody may come in; how many."""
        while True:
            most = min(MOST_AT_ONCE + 1, self._most - self._in_hand)
            if room := self._admission.room(most):
                return room
            left = self._left
            with trio.move_on_after(LOOK_SECONDS if most else math.inf):
                await left.wait()

    def _take(self, stream: trio.SocketStream, sessions: trio.Nursery) -> None:
        sessions.start_soon(self._hold, stream)
        self._in_hand += 1

    async def _hold(self, stream: trio.SocketStream) -> None:
        try:
            await self._converse(stream)
        finally:
            self._in_hand -= 1
            self._left.set()
            self._left = trio.Event()


def waiting(listener: trio.SocketListener, count: int) -> Iterator[trio.SocketStream]:
    """So many more of those who wait at the port, as far as there are any.

    trio accepts one in each round of its loop. While rounds are long, because many sessions have
    much to do, the queue would stand still.
    """
    if count < 1:
        return
    # The very same descriptor: there may be none for another.
    door = socket.socket(fileno=listener.socket.fileno())
    try:
        for _ in range(count):
            try:
                accepted, _ = door.accept()
            except OSError:
                return  # nobody is left; anything worse is told by the next ordinary accept
            yield trio.SocketStream(trio.socket.from_stdlib_socket(accepted))
    finally:
        door.detach()

"""Where a machine is reached, through restarts of it in the same process."""

from dataclasses import dataclass, field

import trio

from seemachine.server.unix_sockets import SocketFile


@dataclass
class Doors:
    """Its listeners, and what of them is a file; the host and port of the others, if any."""

    listeners: list[trio.SocketListener] = field(default_factory=list)
    socket: SocketFile | None = None
    host: str = ""
    port: int = 0

    def shut(self) -> None:
        """Nobody is served there any more. Once more does no harm."""
        if self.socket is not None:
            self.socket.remove()
        for listener in self.listeners:
            listener.socket.close()

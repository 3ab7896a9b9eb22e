"""Where a machine is reached, through restarts of it in the same process."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import trio

from seemachine.config import Config
from seemachine.server.ports import open_listeners
from seemachine.server.unix_sockets import SocketFile, open_socket


@dataclass
class Doors:
    """Its listeners, and what of them is a file; the host and port of the others, if any."""

    listeners: list[trio.SocketListener] = field(default_factory=list)
    socket: SocketFile | None = None
    host: str = ""
    port: int = 0

    async def open(self, config: Config, siblings: Iterable[int] = ()) -> None:
        """Listen where the settings say; see `open_listeners`. Raises CannotListen, also with some
        of them open.
        """
        if config.socket:
            listener, self.socket = await open_socket(config)
            self.listeners.append(listener)
        if config.tcp:
            self.listeners += (opened := await open_listeners(config, siblings))
            self.host, self.port = opened[0].socket.getsockname()[:2]

    def shut(self) -> None:
        """Nobody is served there any more. Once more does no harm."""
        if self.socket is not None:
            self.socket.remove()
        for listener in self.listeners:
            listener.socket.close()

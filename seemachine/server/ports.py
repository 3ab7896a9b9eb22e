"""On which port a machine listens, and ports that others have."""

import contextlib
import errno
import socket
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import trio

from seemachine.config import Config
from seemachine.hsms import published
from seemachine.process.shortage import advice
from seemachine.state.errors import StateError
from seemachine.world import World

# Connections that the system takes while we are busy; the system may have a lower limit of its own.
BACKLOG = 1024
PORTS_SEARCHED = 100
# Of ports that the system picked, before it is believed that there is no other.
PORTS_GIVEN_BACK = 100


class CannotListen(Exception):
    """The address can't be had."""


def taken(config: Config) -> CannotListen:
    """What is said of a port that another process listens on."""
    return CannotListen(
        f"port {config.port} of {config.host} is taken; choose another with --port or, in a file,"
        " port = N; 0 is any free one"
    )


def refuse_taken_port(config: Config) -> None:
    """Raises CannotListen for a port that is taken.

    To be called first: nothing is made for a machine that can't listen.
    """
    if (
        config.fixed_port
        and not config.search_port
        and any(_is_taken(*place) for place in _places(config))
    ):
        raise taken(config)


async def open_listeners(config: Config, siblings: Iterable[int] = ()) -> list[trio.SocketListener]:
    """Listen where the settings say. A search takes no port of the settings' others, or of
    `siblings`.

    Raises CannotListen.
    """
    reserved = {*siblings, *config.reserved_ports} - {config.port}
    for port in candidates(config, reserved):
        try:
            listeners = await trio.open_tcp_listeners(
                port, host=config.host or None, backlog=BACKLOG
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = f"{config.host} port {port}: {error.strerror or error}{advice(error)}"
                raise CannotListen(f"cannot listen on {reason}") from error
        else:
            # The system may pick one that a sibling is to have.
            if port or listeners[0].socket.getsockname()[1] not in reserved:
                return listeners
            for listener in listeners:
                await listener.aclose()
    raise taken(config)


def candidates(config: Config, reserved: set[int]) -> Iterator[int]:
    """The ports to try, in their order; 0 lets the system pick one.

    Once a search begins, `reserved` has the ports that the world's other machines found so, too.
    """
    wanted = config.port
    if wanted:
        yield wanted
    if wanted and config.search_port:
        reserved |= _had_by_others(config)
        searched = range(wanted + 1, min(wanted + PORTS_SEARCHED, 65536))
        yield from (port for port in searched if port not in reserved)
    if config.search_port or not wanted:
        yield from [0] * PORTS_GIVEN_BACK


def _had_by_others(config: Config) -> set[int]:
    """Where the other machines of the world listen, or listened last: they may come back."""
    ports = _last_ports(config.world, int(time.monotonic()))
    return {port for esn, port in ports.items() if esn != config.esn} - {config.port}


@lru_cache(maxsize=1)
def _last_ports(world: World, _second: int) -> dict[str, int]:
    """By ESN. Looked at once a second at most: a thousand machines of a process may search."""
    found = {}
    for folder in world.machines.glob("*"):
        # One that another version wrote is none that runs.
        with contextlib.suppress(StateError):
            entry = published.listening(world, folder.name)
            if entry is not None:
                found[entry.esn] = entry.port
    return found


def _places(config: Config) -> Iterator[tuple[int, Any]]:
    # What else is wrong with an address is told when it is listened on.
    with contextlib.suppress(OSError):
        for family, *_, address in socket.getaddrinfo(
            config.host or None, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            yield family, address


def _is_taken(family: int, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as door:
            # As trio opens them.
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            door.bind(address)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False

"""Ports that others have."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

from seemachine.config import Config


class CannotListen(Exception):
    """The address can't be had."""


def taken(config: Config) -> CannotListen:
    """What is said of a port that another process listens on."""
    return CannotListen(
        f"port {config.port} of {config.host} is taken; choose another with --port, or 0 for any"
    )


def refuse_taken_port(config: Config) -> None:
    """Raises CannotListen for a port that is taken.

    To be called first: nothing is made for a machine that can't listen.
    """
    if (
        config.port
        and not config.search_port
        and any(_is_taken(*place) for place in _places(config))
    ):
        raise taken(config)


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

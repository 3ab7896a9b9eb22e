"""A client's connection to a machine in a process of its own, request by request."""

import socket
from typing import Any

from kit.processes import RunningMachine
from seeclient.blocking_connection import Connection
from seeclient.effects import Address

from seemachine.wire import messages as m

QUICK = {"lms": 5, "lmots": 3, "expcards": 0, "explease": 0}


def connect(machine: RunningMachine) -> Connection:
    """A connection after hello.

    Whoever has had a reply knows that the machine also listens to signals.
    """
    entry = machine.published()
    connection = Connection(Address(str(entry["host"]), int(str(entry["port"])), 1))
    connection.greet()
    return connection


def ask(connection: Connection, request: Any) -> Any:
    """A reply, or a refusal as a value."""
    connection.send(request)
    return connection.receive()


def generate_key(
    connection: Connection, recipe: dict[str, int] = QUICK, **options: Any
) -> tuple[bytes, bytes]:
    """A key but for its cards: its handle and its public key. `recipe` has typecodes."""
    started = ask(connection, m.GenerateLms(**recipe | options))
    for _ in range(started.remaining):
        chunk = ask(connection, m.ContinueLms(handle=started.handle))
    return started.handle, chunk.public_key


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port

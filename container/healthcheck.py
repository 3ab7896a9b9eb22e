#!/usr/bin/python3 -ISB
"""Whether the machine in this container answers on port 8888.

Exit code 0 when it does; else 1, with a line on standard error.
"""

import os
import socket
import sys

# As in the entry point: without site-packages, ours come last.
sys.path.append(f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/lib/seemachine")  # noqa: PTH100, PTH120

from seemachine.wire.link import NEED_DATA, Answered, Link, Role
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL, SEE_PORT
from seemachine.wire.status import PeerMisuse

SECONDS = 4
PIECE_BYTES = 1 << 16


def main() -> int:
    """Say hello."""
    try:
        heard = hello()
    except (OSError, PeerMisuse) as error:
        heard = error
    if isinstance(heard, Answered) and isinstance(heard.reply, Greeting):
        print(heard.reply.esn)
        return 0
    print(f"healthcheck: {heard}", file=sys.stderr)
    return 1


def hello() -> object:
    """What comes back. Raises OSError, PeerMisuse."""
    link = Link(Role.CLIENT)
    with socket.create_connection(("127.0.0.1", SEE_PORT), SECONDS) as connection:
        connection.sendall(link.send(Hello(protocol=PROTOCOL, client="healthcheck")))
        while (event := link.next_event()) is NEED_DATA:
            link.receive_data(connection.recv(PIECE_BYTES))
    return event


if __name__ == "__main__":
    sys.exit(main())

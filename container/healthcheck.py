#!/usr/bin/python3 -ISB
"""Whether the machine in this container answers on port 8888, or all machines on the ports that are
given; with --ready, whether it can do its work, too.

Exit code 0 when it is so; else 1, with a line on standard error. A machine that refuses a hello, as
one does that has no place left, is alive and not ready; so is one whose data folder can't be
written, such as on a full volume.
"""

import os
import socket
import sys

# As in the entry point: without site-packages, ours come last.
sys.path.append(f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/lib/seemachine")  # noqa: PTH100, PTH120

from data_folder import check_writable, data_folder

from seemachine.wire.link import NEED_DATA, Answered, Link, Refused, Role
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL, SEE_PORT
from seemachine.wire.status import PeerMisuse, StatusError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
SETTINGS = os.path.join(ROOT, "etc/seemachine.toml")  # noqa: PTH118
READY = "--ready"
SECONDS = 4
PIECE_BYTES = 1 << 16


def main(arguments: list[str]) -> int:
    """Say hello at each port, and with --ready look at the data folder."""
    ports = [int(word) for word in arguments if word.isdecimal()]
    others = [word for word in arguments if not word.isdecimal()]
    if others not in ([], [READY]):
        print(f"healthcheck: it takes ports, and {READY}, or nothing", file=sys.stderr)
        return 2
    codes = [check(port, ready=bool(others)) for port in ports or [SEE_PORT]]
    return max(codes)


def check(port: int, *, ready: bool) -> int:
    """Say hello to one machine, and how it is. Returns the exit code."""
    try:
        heard = hello(port)
        lack = lacking(heard) if ready else ""
    except (OSError, OverflowError, PeerMisuse) as error:
        lack = str(error)
    if lack:
        print(f"healthcheck: {lack}", file=sys.stderr)
        return 1
    print(heard.esn if isinstance(heard, Greeting) else heard.detail)
    return 0


def hello(port: int) -> Greeting | StatusError:
    """What comes back. Raises OSError, PeerMisuse, OverflowError for a number above any port."""
    link = Link(Role.CLIENT)
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(link.send(Hello(protocol=PROTOCOL, client="healthcheck")))
        while (event := link.next_event()) is NEED_DATA:
            link.receive_data(connection.recv(PIECE_BYTES))
    if isinstance(event, Refused):
        return event.error
    if isinstance(event, Answered) and isinstance(event.reply, Greeting):
        return event.reply
    raise PeerMisuse(f"{event} instead of a greeting")


def lacking(heard: Greeting | StatusError) -> str:
    """Why the machine can't do its work now; empty when it can."""
    if isinstance(heard, StatusError):
        return heard.detail
    try:
        check_writable(data_folder(SETTINGS, os.environ))
    except (OSError, ValueError) as error:
        return f"the data folder can't be written: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

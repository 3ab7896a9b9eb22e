#!/usr/bin/python3 -ISB
"""Whether the machine in this container answers on port 8888, or all machines at the ports and Unix
sockets that are given; with --ready, whether it can do its work, too.

A word that begins with / is a socket, or a folder of sockets. Exit code 0 when all is well; else 1,
with a line on standard error. A machine that refuses a hello, as one does that has no place left,
is alive and not ready; so is one whose data folder can't be written, such as on a full volume.
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
    """Say hello at each place, and with --ready look at the data folder."""
    words = [word for word in arguments if word != READY]
    if not all(word.isdecimal() or word.startswith("/") for word in words):
        print(f"healthcheck: it takes ports, paths of sockets, and {READY}", file=sys.stderr)
        return 2
    ready = len(words) < len(arguments)
    places = [place for word in words for place in places_of(word)] if words else [SEE_PORT]
    if not places:
        print(f"healthcheck: no socket is in {' '.join(words)}", file=sys.stderr)
        return 1
    return max([check(place, ready=ready) for place in places])


def places_of(word: str) -> list[int | str]:
    """The port, the socket, or all sockets of a folder."""
    if word.isdecimal():
        return [int(word)]
    try:
        names = sorted(os.listdir(word))  # noqa: PTH208
    except OSError:
        # A socket, or what says why it is not one when it is connected to.
        return [word]
    return [os.path.join(word, name) for name in names if name.endswith(".sock")]  # noqa: PTH118


def check(place: int | str, *, ready: bool) -> int:
    """Say hello to one machine, and how it is. Returns the exit code."""
    try:
        heard = hello(place)
        lack = lacking(heard) if ready else ""
    except (OSError, OverflowError, PeerMisuse) as error:
        lack = str(error) if isinstance(place, int) else f"{place}: {error}"
    if lack:
        print(f"healthcheck: {lack}", file=sys.stderr)
        return 1
    print(heard.esn if isinstance(heard, Greeting) else heard.detail)
    return 0


def hello(place: int | str) -> Greeting | StatusError:
    """What comes back. Raises OSError, PeerMisuse, OverflowError for a number above any port."""
    link = Link(Role.CLIENT)
    with connected(place) as connection:
        connection.sendall(link.send(Hello(protocol=PROTOCOL, client="healthcheck")))
        while (event := link.next_event()) is NEED_DATA:
            link.receive_data(connection.recv(PIECE_BYTES))
    if isinstance(event, Refused):
        return event.error
    if isinstance(event, Answered) and isinstance(event.reply, Greeting):
        return event.reply
    raise PeerMisuse(f"{event} instead of a greeting")


def connected(place: int | str) -> socket.socket:
    """A connection to a port of this host, or to a Unix socket. Raises OSError, OverflowError."""
    if isinstance(place, int):
        return socket.create_connection(("127.0.0.1", place), SECONDS)
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(SECONDS)
    try:
        made.connect(place)
    except OSError:
        made.close()
        raise
    return made


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

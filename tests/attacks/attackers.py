"""The attackers: one process with many connections to a port, each of which does the same wrong
thing over and over.

`python attackers.py KIND HOST PORT CONNECTIONS` says "ready" once every connection was tried, goes
on until its standard input ends, and then prints JSON: how often it connected, the most connections
that it had at one time, bytes sent.
"""

import contextlib
import json
import resource
import selectors
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field

from seemachine.wire.codec import pack
from seemachine.wire.framing import MAX_FRAME, encode_frame
from seemachine.wire.messages import Hello, ListNvmemfiles
from seemachine.wire.names import PROTOCOL
from seemachine.wire.record import to_fields

HELLO = Hello(protocol=PROTOCOL, client="attacker")
READ_BYTES = 1 << 16
AT_ONCE = 64  # connections opened between two looks at those that are open
TRICKLE_SECONDS = 1.0
RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: on, 0 seconds


def asked(number: int, request: object) -> bytes:
    """The frame of a request."""
    return encode_frame(pack([number, request.NAME, to_fields(request)]))


def nested() -> bytes:
    """A body of 1 MiB that is a million empty lists, as wide as the limits let them be."""
    row = b"\xdc\x0f\xff" + b"\x90" * 4095
    return b"\xdc\x00\xff" + row * 255


def client_hello() -> bytes:
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@dataclass(frozen=True)
class Attack:
    """What a connection does: send `first`, then with `trickle` one byte of it a second only, then
    `flood` as fast as the port takes it.

    `flood` is a request, for ever repeated. With `reads` it takes what comes; with `leaves` it
    closes as soon as it is connected.
    """

    first: bytes = b""
    trickle: bool = False
    flood: object = None
    reads: bool = True
    leaves: bool = False
    tls: bool = False


DEEP = encode_frame(b"\x91" * 1000)
ATTACKS = {
    "silent": Attack(),
    "one byte a second": Attack(asked(1, HELLO), trickle=True),
    "huge length": Attack(b"\xff\xff\xff\xff"),
    "unfinished frames": Attack(
        asked(1, HELLO) + MAX_FRAME.to_bytes(4, "big") + bytes(MAX_FRAME - 1)
    ),
    "hello flood": Attack(asked(1, HELLO), flood=HELLO),
    "never reading": Attack(asked(1, HELLO), flood=ListNvmemfiles(), reads=False),
    "squatters": Attack(asked(1, HELLO) + asked(2, ListNvmemfiles())),
    "deep nesting": Attack(DEEP),
    "wide nesting": Attack(asked(1, HELLO) + encode_frame(nested())),
    "connect and close": Attack(leaves=True),
    "half a TLS handshake": Attack(client_hello()[:-1], tls=True),
}


@dataclass(eq=False)
class Connection:
    """One of them."""

    attack: Attack
    socket: socket.socket
    connected: bool = False
    counted: bool = False
    number: int = 1
    waiting: memoryview = field(default_factory=lambda: memoryview(b""))

    def begin(self) -> None:
        """It is connected."""
        self.connected = True
        self.waiting = memoryview(self.attack.first)

    def write(self) -> int:
        """Send what the socket takes. Returns how much."""
        if not self.waiting and self.attack.flood is not None:
            numbers = range(self.number + 1, self.number + 101)
            self.number = numbers[-1]
            self.waiting = memoryview(
                b"".join(asked(number, self.attack.flood) for number in numbers)
            )
        count = self.socket.send(self.waiting[:1] if self.attack.trickle else self.waiting)
        self.waiting = self.waiting[count:]
        return count

    @property
    def interest(self) -> int:
        """What to wait for."""
        wants = bool(self.waiting or self.attack.flood is not None) and not self.attack.trickle
        if self.connected and not wants:
            return selectors.EVENT_READ
        return selectors.EVENT_WRITE | (selectors.EVENT_READ if self.attack.reads else 0)


class Attackers:
    """All of them, and the loop that drives them."""

    def __init__(self, attack: Attack, address: tuple[str, int], count: int) -> None:
        self._attack = attack
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._open: set[Connection] = set()
        self._to_open = count
        self._tried = 0
        self._count = count
        self._trickled = 0.0
        self._connections = 0
        self.figures = {"connected": 0, "most": 0, "sent": 0}

    def run(self) -> None:
        """Until standard input ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        told = False
        while True:
            self._connect()
            if not told and self._tried >= self._count:
                told = True
                print("ready", flush=True)
            for key, events in self._selector.select(0 if self._to_open else 0.1):
                if key.fileobj is sys.stdin:
                    return
                self._serve(key.data, events)
            self._trickle()

    def _connect(self) -> None:
        for _ in range(min(self._to_open, AT_ONCE)):
            new = socket.socket()
            new.setblocking(False)
            if not self._attack.reads:
                new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self._tried += 1
            try:
                new.connect_ex(self._address)
            except OSError:
                new.close()
                return
            connection = Connection(self._attack, new)
            self._selector.register(new, connection.interest, connection)
            self._open.add(connection)
            self._to_open -= 1

    def _serve(self, connection: Connection, events: int) -> None:
        try:
            if not connection.connected:
                self._connected(connection)
            elif events & selectors.EVENT_READ and not connection.socket.recv(READ_BYTES):
                self._over(connection)
            elif events & selectors.EVENT_WRITE:
                self.figures["sent"] += connection.write()
                self._watch(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._over(connection)

    def _connected(self, connection: Connection) -> None:
        if error := connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "not connected")
        self.figures["connected"] += 1
        connection.begin()
        if self._attack.leaves:
            # Every second one with a reset, which is also how no ports are used up.
            if self.figures["connected"] % 2:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._over(connection)
            return
        self._watch(connection)
        connection.counted = True
        self._connections += 1
        self.figures["most"] = max(self.figures["most"], self._connections)

    def _watch(self, connection: Connection) -> None:
        self._selector.modify(connection.socket, connection.interest, connection)

    def _trickle(self) -> None:
        now = time.monotonic()
        if not self._attack.trickle or now < self._trickled + TRICKLE_SECONDS:
            return
        self._trickled = now
        for connection in [each for each in self._open if each.connected and each.waiting]:
            try:
                self.figures["sent"] += connection.write()
            except BlockingIOError:
                continue
            except OSError:
                self._over(connection)

    def _over(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._open.discard(connection)
        self._connections -= connection.counted
        self._to_open += 1


def main() -> None:
    """See the module."""
    kind, host, port, count = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = int(count) + 100
    resource.setrlimit(
        resource.RLIMIT_NOFILE,
        (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard),
    )
    attackers = Attackers(ATTACKS[kind], (host, int(port)), int(count))
    attackers.run()
    print(json.dumps(attackers.figures))


if __name__ == "__main__":
    main()

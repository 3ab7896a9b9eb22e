"""The load: one process with many connections that does little but send frames made before and
count replies, to leave the daemon the CPU.

`python load.py HOST PORT FILE CLIENTS SECONDS PAUSE` prints JSON: signatures per second, and the
milliseconds that each one took.
"""

import json
import os
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

from seemachine.wire.codec import pack
from seemachine.wire.fields import to_fields
from seemachine.wire.framing import LENGTH_BYTES, encode_frame
from seemachine.wire.messages import Hello, NvmemfileSign
from seemachine.wire.names import PROTOCOL, TOKEN_BYTES

WARM_UP_SECONDS = 0.2
READ_BYTES = 1 << 16
# MessagePack; any number takes five bytes, so that it can be exchanged in a finished frame.
UINT32 = b"\xce"
NO_TOKEN = b"\xff" * TOKEN_BYTES


@dataclass(frozen=True, slots=True)
class Frame:
    """A request frame with a hole where its number goes, and another where its token goes if it has
    one.
    """

    head: bytes
    body: bytes
    tail: bytes | None

    @classmethod
    def of(cls, request: object) -> "Frame":
        """Make it, once."""
        marker = 1 << 31
        head, rest = encode_frame(pack([marker, request.NAME, to_fields(request)])).split(
            UINT32 + marker.to_bytes(4, "big"), 1
        )
        body, _, tail = rest.partition(NO_TOKEN)
        return cls(head + UINT32, body, tail or None)

    def numbered(self, number: int) -> bytes:
        """The bytes of request `number`, with a token of its own: with another's it would get that
        one's signature again.
        """
        start = self.head + number.to_bytes(4, "big") + self.body
        return start if self.tail is None else start + os.urandom(TOKEN_BYTES) + self.tail


@dataclass(slots=True)
class Client:
    """One connection, which asks one thing at a time."""

    socket: socket.socket
    number: int = 0
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def ask(self, frame: Frame) -> None:
        """Send the next request."""
        self.number += 1
        self.sent = time.perf_counter()
        self.socket.sendall(frame.numbered(self.number))

    def answered(self) -> bool:
        """Take what arrived; whether that was the rest of a reply."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the daemon hung up")
        self.received += data
        if len(self.received) < LENGTH_BYTES + int.from_bytes(self.received[:LENGTH_BYTES], "big"):
            return False
        if b"\xa2ok" not in self.received[:16]:
            raise ValueError(f"refused: {bytes(self.received)!r}")
        self.received.clear()
        return True


def connect(host: str, port: int) -> Client:
    """A connection that has said hello."""
    client = Client(socket.create_connection((host, port)))
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.ask(Frame.of(Hello(protocol=PROTOCOL, client="benchmark")))
    while not client.answered():
        pass
    return client


def run(clients: list[Client], frame: Frame, duration: float, pause: float) -> list[float]:
    """The seconds of every request that was sent and answered in `duration`, after a warm-up.

    `pause` (one client only) is between two.
    """
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask(frame)
    begin = time.perf_counter() + WARM_UP_SECONDS
    end, taken, waiting = begin + duration, [], len(clients)
    while waiting:
        for key, _ in selector.select():
            client = key.data
            if not client.answered():
                continue
            now = time.perf_counter()
            if begin <= now < end:
                taken.append(now - client.sent)
            if now >= end:
                waiting -= 1
                continue
            if pause:
                time.sleep(pause)
            client.ask(frame)
    return taken


def main() -> None:
    """See the module."""
    host, port, file, clients, duration, pause = sys.argv[1:]
    frame = Frame.of(
        NvmemfileSign(
            file=bytes.fromhex(file), token=NO_TOKEN, message=b"firmware image, version 1.0.0.00"
        )
    )
    taken = run(
        [connect(host, int(port)) for _ in range(int(clients))],
        frame,
        float(duration),
        float(pause),
    )
    print(
        json.dumps(
            {
                "rate": len(taken) / float(duration),
                "milliseconds": [round(1000 * each, 3) for each in taken],
            }
        )
    )


if __name__ == "__main__":
    main()

"""The load: one process with many connections that does little but send frames made before and
count replies, to leave the daemon the CPU.

`python load.py HOST PORT MESSAGES CLIENTS SECONDS PAUSE FILE...` prints JSON: see `main`. With more
than one message each frame is a batch. Clients take the NVRAM files in turn.
"""

import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgpack

from seemachine.wire.names import PROTOCOL

WARM_UP = 0.2  # of the duration
READ_BYTES = 1 << 18
LENGTH_BYTES = 4
TOKEN_BYTES = 16
# MessagePack; any number takes five bytes, so that it can be exchanged in a finished frame.
UINT32 = b"\xce"
NO_TOKEN = b"\xff" * TOKEN_BYTES
MESSAGE = b"firmware image, version 1.0.0.00"
NONE_REFUSED = b"\xa8refusals\x90"


@dataclass(frozen=True, slots=True)
class Frame:
    """A request frame with a hole where its number goes, and one for each of its tokens; `pieces`
    are what is between these.
    """

    head: bytes
    pieces: tuple[bytes, ...]
    batch: bool

    @classmethod
    def of(cls, name: str, fields: Mapping[str, object]) -> "Frame":
        """Make it, once."""
        marker = 1 << 31
        body = msgpack.packb([marker, name, fields])
        head, rest = body.split(UINT32 + marker.to_bytes(4, "big"), 1)
        length = len(body).to_bytes(LENGTH_BYTES, "big")
        return cls(length + head + UINT32, tuple(rest.split(NO_TOKEN)), "tokens" in fields)

    @classmethod
    def signing(cls, file: bytes, messages: int) -> "Frame":
        """For one signature, or for a batch of them."""
        if messages == 1:
            alone = {"file": file, "token": NO_TOKEN, "message": MESSAGE, "acknowledge": ""}
            return cls.of("nvmemfile_sign", alone)
        many = {"tokens": [NO_TOKEN] * messages, "messages": [MESSAGE] * messages}
        return cls.of("nvmemfile_sign_many", {"file": file, **many, "acknowledge": ""})

    def numbered(self, number: int) -> bytes:
        """The bytes of request `number`, with tokens of its own: with another's it would get that
        one's signature again.
        """
        holes = len(self.pieces) - 1
        fresh = os.urandom(TOKEN_BYTES * holes)
        parts = [self.head, number.to_bytes(4, "big"), self.pieces[0]]
        for hole in range(holes):
            parts += (fresh[TOKEN_BYTES * hole : TOKEN_BYTES * (hole + 1)], self.pieces[hole + 1])
        return b"".join(parts)


@dataclass(slots=True)
class Client:
    """One connection, which asks one thing at a time."""

    socket: socket.socket
    frame: Frame
    number: int = 0
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def ask(self) -> None:
        """Send the next request."""
        self.number += 1
        data = self.frame.numbered(self.number)
        self.sent = time.perf_counter()
        self.socket.sendall(data)

    def answered(self) -> bool:
        """Take what arrived; whether that was the rest of a reply."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the daemon hung up")
        self.received += data
        if len(self.received) < LENGTH_BYTES + int.from_bytes(self.received[:LENGTH_BYTES], "big"):
            return False
        self._judge()
        self.received.clear()
        return True

    def exchange(self) -> None:
        """Ask, and wait for the reply."""
        self.ask()
        while not self.answered():
            pass

    def _judge(self) -> None:
        whole = NONE_REFUSED in self.received[-64:] if self.frame.batch else True
        if b"\xa2ok" not in self.received[:16] or not whole:
            raise ValueError(f"refused: {bytes(self.received[-400:])!r}")


def connect(host: str, port: int, frame: Frame) -> Client:
    """A connection that has said hello, and from now on asks that."""
    hello = Frame.of("hello", {"protocol": PROTOCOL, "client": "benchmark"})
    client = Client(socket.create_connection((host, port)), hello)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.exchange()
    client.frame = frame
    return client


def run(clients: list[Client], duration: float, pause: float) -> list[float]:
    """The seconds of every request that was sent and answered in `duration`, after a warm-up.

    `pause` (one client only) is between two.
    """
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask()
    begin = time.perf_counter() + WARM_UP * duration
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
            client.ask()
    return taken


def main() -> None:
    """Prints signatures per second; the milliseconds that each request took; of the whole run, the
    warm-up included, how many signatures there were and the processor seconds of this process.
    """
    host, port, messages, count, duration, pause, *files = sys.argv[1:]
    frames = [Frame.signing(bytes.fromhex(file), int(messages)) for file in files]
    clients = [
        connect(host, int(port), frames[number % len(frames)]) for number in range(int(count))
    ]
    before = time.process_time()
    taken = run(clients, float(duration), float(pause))
    told = {
        "rate": int(messages) * len(taken) / float(duration),
        "milliseconds": [round(1000 * each, 3) for each in taken],
        "signatures": int(messages) * sum(client.number - 1 for client in clients),
        "processor_seconds": time.process_time() - before,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

"""The side of the host in Python: replies taken apart."""

import socket
from typing import Any

from seeclient.bridge import frames
from seeclient.bridge.frames import Request


class Host:
    """One end of a socket pair."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._wire.settimeout(20)

    def ask(self, number: int, operation: str, *fields: bytes, note: bytes = b"") -> None:
        """Send a question."""
        self._wire.sendall(frames.request(Request(number, operation, note, fields)))

    def next(self) -> tuple[str, int, Any]:
        """The next note or reply, with its number and what it says."""
        length = int.from_bytes(self._receive(4), "big")
        body = self._receive(length)
        number, kind, rest = int.from_bytes(body[:4], "big"), body[4], body[5:]
        if kind == frames.NOTE:
            return "note", number, rest
        assert kind == frames.REPLY
        return "reply", number, (int.from_bytes(rest[:4], "big"), _fields(rest[4:]))

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._wire.recv(size - len(data))
            assert more, "the helper has hung up"
            data += more
        return data


def _fields(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found

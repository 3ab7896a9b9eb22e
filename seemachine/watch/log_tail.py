"""The requests that a fleet in the background has logged since the last look."""

import json
import os
from pathlib import Path

import seemachine.wire.messages  # noqa: F401  which declare all requests
from seemachine.watch.looks import Asked
from seemachine.wire.requests import REQUESTS, Effect

# Of a log that is longer the beginning is passed over: at the first look, and when more came.
MOST_BYTES = 1 << 20
# What only looks is asked by whoever watches, too. Clients ask each machine for a file that one
# has.
LOOKS = {name for name, request in REQUESTS.items() if request.EFFECT is Effect.LOOKS}


class LogTail:
    """A log that others write to, from its end on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._part = b""

    def read(self) -> list[Asked] | None:
        """What came since the last time; the first time nothing. None where none can be read."""
        try:
            with self._path.open("rb") as log:
                data = self._new(log.fileno())
        except OSError:
            self._identity = None
            return None
        *lines, self._part = (self._part + data).split(b"\n")
        return [asked for asked in map(_asked, lines) if asked is not None]

    def _new(self, descriptor: int) -> bytes:
        found = os.fstat(descriptor)
        identity = found.st_dev, found.st_ino
        if identity != self._identity or found.st_size < self._offset:
            first = self._identity is None
            self._identity, self._part = identity, b""
            self._offset = found.st_size if first else 0
        if found.st_size - self._offset > MOST_BYTES:
            self._offset, self._part = found.st_size - MOST_BYTES, b""
        data = os.pread(descriptor, MOST_BYTES, self._offset)
        self._offset += len(data)
        return data


def _asked(line: bytes) -> Asked | None:
    """The request of a line; None for other events, looks, and other lines."""
    # Told without a parser for most of a busy log.
    if b'"request"' not in line:
        return None
    try:
        event = json.loads(line)
        asked = Asked(event["esn"], event["command"], event["status"], float(event["seconds"]))
        known = all(type(each) is str for each in (asked.esn, asked.command, asked.status))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_one = event.get("event") == "request" and known
    dull = asked.command in LOOKS and asked.status in ("OK", "NotAvailable")
    return asked if is_one and not dull else None

"""What the machines of a world said."""

import json
from collections import deque
from typing import Any

from seemachine.server.json_log import JsonLog

# A test that signs for an hour keeps the latest.
MOST_LINES = 10_000


class Journal:
    """Their log, in memory."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.log = JsonLog(self._lines.append)

    def take(self, line: str) -> None:
        """What a machine in a process of its own wrote."""
        self._lines.append(line)

    @property
    def last(self) -> str:
        """The latest line."""
        return self._lines[-1].strip() if self._lines else "it said nothing"

    def events(self) -> list[dict[str, Any]]:
        """Each line as `seemachine serve` would write it: with `event`, `level`, `timestamp`, and
        the `esn` of the machine.
        """
        return [_event(line) for line in tuple(self._lines)]


def _event(line: str) -> dict[str, Any]:
    """Python's own words, such as a traceback, are none."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line.rstrip("\n")}

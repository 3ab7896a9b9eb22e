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

    def events(self) -> list[dict[str, Any]]:
        """Each line as `seemachine serve` would write it: with `event`, `level`, `timestamp`, and
        the `esn` of the machine.
        """
        return [json.loads(line) for line in tuple(self._lines)]

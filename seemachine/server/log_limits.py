"""A log that a flood does not fill: of each kind of line so many a second, then how many were left
out.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import trio

from seemachine.server.buckets import Bucket
from seemachine.server.line_log import Levels
from seemachine.server.logs import Log
from seemachine.wire.requests import REQUESTS, Effect

LINES_AT_ONCE = 100
LINES_PER_SECOND = 10
REPORT_SECONDS = 1
LOOKS = Effect.LOOKS


class LineBudget:
    """How many lines of each kind there were lately."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._left_out: Counter[str] = Counter()
        self._more = trio.Event()

    def allow(self, kind: str) -> bool:
        """Whether one more may be written; if not, it is counted."""
        now = trio.current_time()
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = Bucket(LINES_PER_SECOND, LINES_AT_ONCE, now)
        if bucket.take(now):
            return True
        self._left_out[kind] += 1
        self._more.set()
        return False

    async def wait(self) -> None:
        """Return a while after something was left out."""
        await self._more.wait()
        await trio.sleep(REPORT_SECONDS)

    def take(self) -> dict[str, int]:
        """What was left out since the last call."""
        left_out, self._left_out, self._more = dict(self._left_out), Counter(), trio.Event()
        return left_out


class SparingLog(Levels):
    """A logger in front of another. Those made with `bind` count together."""

    def __init__(self, log: Log, lines: LineBudget | None = None) -> None:
        self._log = log
        self._lines = lines or LineBudget()

    def bind(self, **more: str) -> "SparingLog":
        """A logger that adds `more` to every event."""
        return SparingLog(self._log.bind(**more), self._lines)

    def by(self, ahead: Callable[[], float]) -> "SparingLog":
        """See Log."""
        return SparingLog(self._log.by(ahead), self._lines)

    def write(self, level: str, event: str, details: Mapping[str, object]) -> None:
        """See Levels."""
        kind = _kind(event, details)
        if not kind or self._lines.allow(kind):
            # No log is worth a machine. With `suppress`, each line would take longer.
            try:  # noqa: SIM105
                self._log.write(level, event, details)
            except MemoryError:
                pass

    async def run(self) -> None:
        """Report what was left out, a second later and all together, until cancelled."""
        while True:
            await self._lines.wait()
            self.report()

    def report(self) -> None:
        """Report it now."""
        for kind, count in self._lines.take().items():
            self._log.warning("lines left out", kind=kind, count=count)


def _kind(event: str, details: Mapping[str, Any]) -> str:
    """What counts together; empty for lines that are all written."""
    if event != "request":
        return event
    command, status = details["command"], details["status"]
    # Of requests that change something, each one that was done has its line.
    if status == "OK" and REQUESTS[command].EFFECT is not LOOKS:
        return ""
    return f"request {command} {status}"

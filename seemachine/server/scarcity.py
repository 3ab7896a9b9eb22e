"""What the system gives no more of is said once, and then once a minute at most, however often it is met."""

from collections import Counter
from typing import Any

import trio

from seemachine.shortage import lacking, sentence

SAY_AGAIN_SECONDS = 60.0


class Scarcity:
    """One for a machine. `log` is where it is said."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._said: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def met(self, error: BaseException) -> bool:
        """Whether that is what an error says; then it is for the log, with how often it was met."""
        lack = lacking(error)
        if not lack:
            return False
        self._unsaid[lack] += 1
        now = trio.current_time()
        if now - self._said.get(lack, -SAY_AGAIN_SECONDS) >= SAY_AGAIN_SECONDS:
            self._said[lack] = now
            times = self._unsaid.pop(lack)
            self._log.warning(f"out of {lack}", times=times, detail=sentence(lack))
        return True

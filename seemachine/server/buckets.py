"""A token bucket: so many at once, so many a second after that.

The caller brings the time, in seconds of any clock.
"""

# More tokens than come in this time are not owed: those who reserved them may be gone, and others
# wait for nothing.
LONGEST_WAIT = 5.0


class Bucket:
    """Starts full. `rate` is tokens a second, `burst` how many it holds."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled = now

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def reserve(self, now: float, count: int = 1) -> float:
        """Take tokens now, be it such as are still to come.

        Returns the seconds until they are there, LONGEST_WAIT at most.
        """
        self._fill(now)
        self._tokens -= count
        if self._tokens >= 0:
            return 0.0
        self._tokens = max(self._tokens, -self._rate * LONGEST_WAIT)
        return -self._tokens / self._rate

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now

"""When a fault happens in a storm: by count, by chance from a seed, on a schedule."""

import itertools
import threading

COUNT, CHANCE, SCHEDULE = "after=1 every=2", "probability=0.33", "at=1 until=9"
# The first draw lets it happen.
SEEDED = f"{CHANCE} seed=9"
TICK_SECONDS = 0.05


class Ticks:
    """A clock that goes on a little at each look, so that a schedule falls into the middle of a
    storm on hosts of any speed. Threads may share it.
    """

    def __init__(self) -> None:
        self._lock, self._looks = threading.Lock(), itertools.count()

    def __call__(self) -> float:
        """Seconds."""
        with self._lock:
            return next(self._looks) * TICK_SECONDS

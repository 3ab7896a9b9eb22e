"""What the system gives no more of is said, and then once a minute at most, however often it is."""

import contextlib
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import trio

from seemachine.process.shortage import MEMORY, lacking, sentence

if TYPE_CHECKING:
    import mmap

SAY_AGAIN_SECONDS = 60.0
KEPT_BYTES = 2 << 20


class Reserve:
    """Memory that a process keeps for the moment when there is no more.

    Limits count what is mapped, so it is not touched. Raises OSError.
    """

    def __init__(self) -> None:
        self._kept: mmap.mmap | bytearray | None = _mapped()

    def give_up(self) -> None:
        """Let others have it."""
        self._kept = None

    def take_back(self) -> None:
        """Keep some again, if there is any."""
        with contextlib.suppress(MemoryError, OSError):
            self._kept = self._kept or _mapped()


def _mapped() -> "mmap.mmap | bytearray":
    # Some containers' Python came without that module.
    try:
        import mmap
    except ImportError:
        return bytearray(KEPT_BYTES)
    return mmap.mmap(-1, KEPT_BYTES, mmap.MAP_PRIVATE)


@cache
def reserve() -> Reserve:
    """That of this process, for all of its machines."""
    return Reserve()


class Scarcity:
    """One for a machine. `log` is where it is said; `relieve` is called where memory is missing."""

    def __init__(self, log: Any) -> None:
        self.relieve: Callable[[], None] = lambda: None
        self._log = log
        self._reserve = reserve()
        self._said: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def met(self, error: BaseException) -> bool:
        """Whether that is what an error says; then it is for the log, with how often it was met."""
        lack = lacking(error)
        if not lack:
            return False
        if lack == MEMORY:
            self._make_room()
        self._unsaid[lack] += 1
        now = trio.current_time()
        if now - self._said.get(lack, -SAY_AGAIN_SECONDS) >= SAY_AGAIN_SECONDS:
            self._said[lack] = now
            times = self._unsaid.pop(lack)
            self._log.warning(f"out of {lack}", times=times, detail=sentence(lack))
        return True

    def _make_room(self) -> None:
        # Given up first, so that there is enough to do without.
        self._reserve.give_up()
        self.relieve()
        self._reserve.take_back()

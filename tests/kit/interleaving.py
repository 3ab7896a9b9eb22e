"""Two operations at once, by choice and not by luck: the first is stopped at a line, and there the
second runs as far as locks let it.
"""

import fcntl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from types import CodeType, FrameType, ModuleType
from typing import Any

# Nothing of these tests takes as long; who waits longer waits for ever.
PATIENCE_SECONDS = 30.0


class Interleaving:
    """The first operation stops at the line number `point` of those that it comes to in `modules`,
    each counted `repeats` times.
    """

    def __init__(self, point: int, *modules: ModuleType, repeats: int = 1) -> None:
        self._left, self._repeats = point, repeats
        self._files = {module.__file__ for module in modules}
        self._seen: Counter[tuple[CodeType, int]] = Counter()
        self._settled = threading.Event()
        self._second: threading.Thread | None = None
        self._ended: list[object] = []
        self.where = ""

    def run(
        self, first: Callable[[], object], second: Callable[[], object]
    ) -> tuple[object, object] | None:
        """What both gave or raised; None when the first ended before it came to that line, and the
        second did not run.
        """
        self._meanwhile = second
        sys.settrace(self._enter)
        try:
            ended = outcome(first)
        finally:
            sys.settrace(None)
        if self._second is None:
            return None
        self._second.join(PATIENCE_SECONDS)
        assert not self._second.is_alive(), f"stuck after a stop at {self.where}"
        return ended, self._ended[0]

    def waits(self) -> None:
        """Called by locks for a thread that has to wait for them: the second one comes no further
        while the first is stopped.
        """
        if threading.current_thread() is self._second:
            self._settled.set()

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        line = (frame.f_code, frame.f_lineno)
        if event == "line" and self._seen[line] < self._repeats:
            self._seen[line] += 1
            if not self._left:
                self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                self._stop()
            self._left -= 1
        return self._line

    def _stop(self) -> None:
        self._second = threading.Thread(target=self._run_second)
        self._second.start()
        assert self._settled.wait(PATIENCE_SECONDS), (
            f"the second neither ends nor waits for a lock: {self.where}"
        )

    def _run_second(self) -> None:
        self._ended.append(outcome(self._meanwhile))
        self._settled.set()


class TellingLock:
    """A lock that tells an interleaving who has to wait for it."""

    def __init__(self, race: Interleaving) -> None:
        self._lock, self._race = threading.Lock(), race
        self.release, self.locked = self._lock.release, self._lock.locked

    def acquire(self, blocking: bool = True) -> bool:
        """As every lock does."""
        if self._lock.acquire(blocking=False):
            return True
        if not blocking:
            return False
        self._race.waits()
        return self._lock.acquire(timeout=PATIENCE_SECONDS)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_error: object) -> None:
        self.release()


class TellingFcntl:
    """The module fcntl, whose file locks tell an interleaving who has to wait for them."""

    def __init__(self, race: Interleaving) -> None:
        self._race = race

    def __getattr__(self, name: str) -> Any:
        return getattr(fcntl, name)

    def flock(self, descriptor: int, operation: int) -> None:
        """As ever."""
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if operation & fcntl.LOCK_NB:
                raise
            self._race.waits()
            fcntl.flock(descriptor, operation)


def everywhere(*modules: ModuleType, repeats: int = 1) -> Iterator[Interleaving]:
    """An interleaving for each line. Stop asking for more when one ran nothing."""
    return (Interleaving(point, *modules, repeats=repeats) for point in count())


def outcome(operation: Callable[[], object]) -> object:
    """What it gives or raises, as something that compares. A slip of the pen is no outcome."""
    try:
        return comparable(operation())
    except (AttributeError, NameError, TypeError):
        raise
    except Exception as error:  # noqa: BLE001
        return comparable(error)


def comparable(value: object) -> object:
    """An error as its kind and text, also within a list."""
    if isinstance(value, Exception):
        return type(value), str(value)
    return [comparable(each) for each in value] if isinstance(value, list) else value

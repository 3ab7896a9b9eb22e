"""Long work cut into tasks for all cores, so that nobody waits for somebody else's: the callers
of a pool take turns, task by task.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

Task = Callable[[], bytes]


class _Call:
    """One caller's tasks: those not begun, the results, and how many are still to come."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.waiting = deque(enumerate(tasks))
        self.results = [b""] * len(tasks)
        self.missing = len(tasks)
        self.failure: BaseException | None = None
        self.over = threading.Event()

    def finish(self, index: int, result: bytes | BaseException) -> None:
        """Take a result in; after a failure the rest is not begun."""
        if isinstance(result, BaseException):
            self.failure = self.failure or result
            self.missing -= len(self.waiting)
            self.waiting.clear()
        else:
            self.results[index] = result
        self.missing -= 1
        if self.missing == 0:
            self.over.set()


class Pool:
    """Worker threads, started when first needed, that serve all callers in turn.

    Tasks should let go of the interpreter lock.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._calls: deque[_Call] = deque()
        self._change = threading.Condition()
        self._started = 0

    def run(self, tasks: Sequence[Task]) -> list[bytes]:
        """The results of all tasks, in order.

        Raises what the first failing task raised. A single task runs in the caller's thread.
        """
        if len(tasks) <= 1 or self.threads == 1:
            return [task() for task in tasks]
        with self._change:
            self._start()
        if not self._started:
            return [task() for task in tasks]
        call = _Call(tasks)
        try:
            with self._change:
                self._calls.append(call)
                self._change.notify(len(tasks))
            call.over.wait()
        finally:
            self._withdraw(call)
        if call.failure:
            raise call.failure
        return call.results

    def _start(self) -> None:
        """Those that are missing. Where the system gives too few, these do; else the callers."""
        with contextlib.suppress(RuntimeError):
            while self._started < self.threads:
                name = f"leaves-{self._started}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self._started += 1

    def _withdraw(self, call: _Call) -> None:
        """Nothing of a call is begun after its caller has left, be it by an interrupt."""
        with self._change:
            call.waiting.clear()
            if call in self._calls:
                self._calls.remove(call)

    def _take(self) -> tuple[_Call, int, Task]:
        """The next task of the caller whose turn it is, who then goes to the end of the queue."""
        with self._change:
            while not self._calls:
                self._change.wait()
            call = self._calls.popleft()
            index, task = call.waiting.popleft()
            if call.waiting:
                self._calls.append(call)
            return call, index, task

    def _work(self) -> None:
        while True:
            self._do_one()

    def _do_one(self) -> None:
        # A function of its own, so that an idle thread keeps no task and with it no seed.
        call, index, task = self._take()
        result: bytes | BaseException
        try:
            result = task()
        except BaseException as failure:  # noqa: BLE001 - the caller raises it
            result = failure
        with self._change:
            call.finish(index, result)
            if not call.waiting and call in self._calls:
                self._calls.remove(call)


_shared: Pool | None = None
_lock = threading.Lock()


def shared(threads: int) -> Pool:
    """The pool of this process. Who asks first says how many threads it has."""
    global _shared  # noqa: PLW0603 - threads belong to the process
    with _lock:
        if _shared is None:
            _shared = Pool(threads)
        return _shared


def _forget() -> None:
    """A forked child has none of its parent's threads."""
    global _shared, _lock
    _shared, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

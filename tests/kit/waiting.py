"""Waiting for what another thread, task or process brings about."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import trio

# Only how long a test that fails may hang; nothing is measured with them.
PATIENCE = 30.0
LONGEST_TEST = 60


def eventually(condition: Callable[[], object]) -> bool:
    """Wait until something is so; False when it does not come to be."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Break off a test that hangs, which with a clock that stands still no timeout does."""

    def expire(number: int, frame: object) -> None:
        raise AssertionError(f"the test did not end within {LONGEST_TEST} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(LONGEST_TEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that another thread or task brings about, whatever trio's clock does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await trio.to_thread.run_sync(time.sleep, 0.002)

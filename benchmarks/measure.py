"""Measuring: the clock, rates, medians, processor time, and the figures that come of it."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """What, how much, in which unit, and what there is to say about it."""

    name: str
    value: float
    unit: str
    note: str = ""


class NotHere(Exception):
    """The tree, or the system, has nothing more to measure here; each line of the text says what is
    missing.
    """


def plain(value: float) -> str:
    """A figure with about three digits that mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def once(call: Callable[[], Any]) -> float:
    """The wall time of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    """The median wall time of a call."""
    return statistics.median(once(call) for _ in range(repeats))


def rate(call: Callable[[], Any], duration: float) -> float:
    """Calls per second, over `duration` seconds."""
    began, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < duration:
        call()
        done += 1
    return done / spent


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of a hundred do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def processor_seconds(pid: int) -> tuple[float, float]:
    """Processor time of a process so far: of its main thread, and of its other threads that still
    run. Raises NotHere where the system does not count it.
    """
    spent = {
        int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9
        for task in Path(f"/proc/{pid}/task").glob("*")
        if (task / "schedstat").exists()
    }
    if not spent:
        raise NotHere("processor time of a daemon: this system has no /proc/*/schedstat")
    main = spent.pop(pid)
    return main, sum(spent.values())

"""Measuring: the clock, rates, medians, and the rows of the report."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what, how much, in which unit, what it is to reach, and what there is to say
    about it.
    """

    name: str
    value: float
    unit: str
    note: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def goal(self) -> str:
        """What it is to reach, in words."""
        if self.at_least is not None:
            return f"at least {plain(self.at_least)}"
        return "" if self.at_most is None else f"at most {plain(self.at_most)}"

    @property
    def met(self) -> bool:
        """Whether it does."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )


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

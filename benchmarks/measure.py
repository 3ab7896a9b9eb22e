"""Measuring: medians of repeated runs, and the rows of the report."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what, how much, in which unit, and what the issue or the guide gives to compare it with."""

    name: str
    value: float
    unit: str
    beside: str = ""


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """The median wall time of a call."""
    return statistics.median(once(call) for _ in range(repeats))


def once(call: Callable[[], object]) -> float:
    """The wall time of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began

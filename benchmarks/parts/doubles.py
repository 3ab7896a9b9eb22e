"""How long a test waits for a machine of its own, beside what other test doubles take."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import other_doubles
from extents import Extent
from load import MESSAGE
from machines import megabytes
from measure import Figure, NotHere, once, percentile

from seemachine import testing

# A test of whoever signs: a machine, a key and a signature of its own.
TEST = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_signs(seemachine_fleet, number):
    key = seemachine_fleet.generate_lms("release", "sha256_m24_h5", "sha256_n24_w2")
    key.verify(b"firmware", key.sign(b"firmware"))
"""
# What pytest takes for as many tests that do nothing.
EMPTY = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_nothing(number):
    pass
"""
FIRST = """
import time
from seemachine import testing
began = time.perf_counter()
with testing.fleet():
    print(1000 * (time.perf_counter() - began))
"""


def figures(extent: Extent) -> Iterator[Figure]:
    """In this process, in a new one, in pytest; then those of others."""
    yield Figure("the first machine of a process: ready", _first(), "ms", "imports among it")
    yield from _each(extent.pairs)
    yield from _many(max(extent.each))
    yield from _pytest(extent.tests)
    missing = []
    for double in other_doubles.DOUBLES:
        try:
            yield from double(extent.starts)
        except NotHere as why:
            missing.append(str(why))
    if missing:
        raise NotHere("\n".join(missing))


def _first() -> float:
    return float(_output(sys.executable, "-c", FIRST))


def _each(count: int) -> Iterator[Figure]:
    ready, gone, signed = [], [], []
    for _ in range(count):
        began = time.perf_counter()
        with testing.fleet() as fleet:
            ready.append(time.perf_counter() - began)
            signed.append(once(lambda fleet=fleet: _sign(fleet)))
            began = time.perf_counter()
        gone.append(time.perf_counter() - began)
    for name, taken in (("ready", ready), ("key and signature", signed), ("gone", gone)):
        for percent in (50, 99):
            value = 1000 * percentile(taken, percent)
            yield Figure(f"a machine of its own: {name}, p{percent}", value, "ms")


def _sign(fleet: testing.BlockingFleet) -> None:
    fleet.generate_lms("release", **testing.QUICK).sign(MESSAGE)


def _many(count: int) -> Iterator[Figure]:
    before, began = megabytes(os.getpid()), time.perf_counter()
    with testing.fleet(machines=count):
        taken = 1000 * (time.perf_counter() - began)
        after = megabytes(os.getpid())
    yield Figure(f"{count} machines in a test: ready, each", taken / count, "ms")
    if before is not None and after is not None:
        yield Figure(f"{count} machines in a test: memory", after - before, "MB")


def _pytest(count: int) -> Iterator[Figure]:
    for name, source in (("with a machine each", TEST), ("that do nothing", EMPTY)):
        with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
            Path(folder, "test_bench.py").write_text(source.format(count=count))
            words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", folder)
            taken = once(lambda words=words: _output(sys.executable, *words))
        yield Figure(f"{count} tests {name}", taken, "s", "pytest, one process")


def _output(*words: str) -> str:
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout

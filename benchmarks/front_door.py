"""What signatures cost programs that are not Python. Needs a C compiler, and both libraries built.

    PYTHONPATH=tests python benchmarks/front_door.py

The client in Python, and a C program (front_door.c) with one thread and with eight over either
library, sign in turn with the same key on the same machine, so that whatever else the computer does
meanwhile falls on all of them.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge import kills
from bridge.native import Bridge, compiled
from host import Others, describe, sentence
from kit.processes import RunningMachine
from machines import ESN, world
from measure import Figure, once, percentile, plain
from seeclient import blocking, library

PROGRAM = Path(__file__).with_suffix(".c")
RECIPE = {"lms": "sha256_m32_h15", "lmots": "sha256_n32_w8"}
THREADS = (1, 8)
ROUNDS, SECONDS, PAIRS, KILLS = 7, 1.0, 200, 20


class Measured:
    """Rounds of signatures with one key."""

    def __init__(self, program: Path, bridge: Bridge, key: blocking.Key) -> None:
        self._program = program
        self._bridge = bridge
        self._key = key
        self.direct: list[float] = []
        self.bridged: list[float] = []
        self.rates: dict[tuple[str, int], list[float]] = {}
        self.alone: dict[str, list[float]] = {name: [] for name in library.FILES}
        self.first: dict[str, list[float]] = {name: [] for name in library.FILES}

    def go_round(self) -> None:
        """All of them once."""
        alias, message = self._key.alias, bytes(32)
        for _ in range(PAIRS):
            self.direct.append(1000 * once(lambda: self._key.sign(message)))
            self.bridged.append(1000 * once(lambda: self._bridge.sign(alias, message)))
        for name in library.FILES:
            for threads in THREADS:
                told = self._run(name, threads)
                took = told["milliseconds"]
                self.rates.setdefault((name, threads), []).append(len(took) / told["seconds"])
                self.first[name].append(told["first"])
                if threads == 1:
                    self.alone[name] += took

    def _run(self, name: str, threads: int) -> dict[str, Any]:
        words = [name, str(library.path_of(name)), self._key.alias, str(threads), str(SECONDS)]
        done = subprocess.run([str(self._program), *words], stdout=subprocess.PIPE, check=True)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def rows(self) -> Iterator[Figure]:
        """What came of all rounds."""
        ratios = [over / plain for over, plain in zip(self.bridged, self.direct, strict=True)]
        told = f"in turn, {len(ratios)} pairs"
        yield Figure("seeclient: key.sign, h15/w8, p50", percentile(self.direct, 50), "ms", told)
        yield Figure("over the bridge, from Python, p50", percentile(self.bridged, 50), "ms", told)
        yield Figure("over the bridge against key.sign", statistics.median(ratios), "times", told)
        for name, took in self.alone.items():
            yield Figure(f"{name}: one thread, p50", percentile(took, 50), "ms")
            yield Figure(f"{name}: one thread, p99", percentile(took, 99), "ms")
        for (name, threads), rates in self.rates.items():
            told = f"{name}: {threads} thread{'s' * (threads > 1)}"
            yield Figure(told, statistics.median(rates), "per second", f"median of {len(rates)}")
        for name, first in self.first.items():
            told = f"{name}: from the start of a process to its first signature"
            yield Figure(told, statistics.median(first), "ms", f"median of {len(first)}")


@contextmanager
def built() -> Iterator[Callable[..., Path]]:
    """Compiles a program of that name; without sources the bridge alone, as a library."""
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:

        def build(name: str, *sources: Path) -> Path:
            shared = [] if sources else ["-shared"]
            flags = (f"-I{library.INCLUDE}", "-O2", *shared)
            return compiled(Path(folder) / name, *flags, sources=sources)

        yield build


def main() -> None:
    """Measure and print."""
    # In the environment of whoever measures: the helper is to be of this tree.
    os.environ["SEEMACHINE_PYTHON"] = sys.executable
    print(sentence(describe()))
    others = Others()
    with built() as build, world() as home:
        machine = RunningMachine(home, ESN)
        with blocking.open_fleet() as fleet:
            bridge = Bridge(build("libbridge.so"))
            key = fleet.generate_lms("bench", **RECIPE)
            measured = Measured(build("front", PROGRAM), bridge, key)
            for _ in range(ROUNDS):
                measured.go_round()
        outcome = kills.run(machine, build("host", kills.PROGRAM), KILLS, random.Random(1))
        machine.stop()
    rows = [
        *measured.rows(),
        Figure(
            f"leaves a signature while {outcome.kills} helpers are killed",
            outcome.leaves_per_signature,
            "",
            f"{outcome.signatures} signatures",
        ),
    ]
    for row in rows:
        print(f"  {row.name:<66} {plain(row.value):>10} {row.unit:<10} {row.note}")
    print(f"others used {100 * others.share():.0f}% of the cores")


if __name__ == "__main__":
    main()

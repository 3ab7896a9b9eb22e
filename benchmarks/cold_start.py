"""How long until something answers: daemon ready, `pipsqueak` banner, `--help`."""

import statistics
import subprocess
import sys
from collections.abc import Iterator

from machines import running, start, stop, world
from measure import Row, once, seconds

REPEATS = 9


def rows() -> Iterator[Row]:
    """Each a median over fresh processes."""
    yield Row("Python itself, empty program", seconds(lambda: _run("-c", "pass"), REPEATS) * 1000, "ms")
    yield Row("daemon ready (process start to published)", _daemon_ready() * 1000, "ms", "expected under 600 ms")
    with running():
        yield Row(
            "pipsqueak banner, one machine",
            seconds(lambda: _run("-m", "seeclient.pipsqueak"), REPEATS) * 1000,
            "ms",
            "expected under 150 ms",
        )
    yield Row("pipsqueak --help", seconds(lambda: _run("-m", "seeclient.pipsqueak", "--help"), REPEATS) * 1000, "ms")
    yield Row("seemachine --help", seconds(lambda: _run("-m", "seemachine", "--help"), REPEATS) * 1000, "ms")


def _daemon_ready() -> float:
    def one() -> float:
        with world() as home:
            started = []
            took = once(lambda: started.append(start(home)))
            stop(started[0])
            return took

    return statistics.median(one() for _ in range(REPEATS))


def _run(*words: str) -> None:
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)

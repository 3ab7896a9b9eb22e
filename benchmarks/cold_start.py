"""How long until something answers: daemon ready, `pipsqueak` banner, `--help`.

All in turn, so that noise meets them all.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator

from machines import Running, running, start, world
from measure import Row, once

REPEATS = 9
COMMANDS = {
    "Python itself, empty program": ("-c", "pass"),
    "pipsqueak banner, one machine": ("-m", "seeclient.pipsqueak"),
    "pipsqueak --help": ("-m", "seeclient.pipsqueak", "--help"),
    "seemachine --help": ("-m", "seemachine", "--help"),
}
GOALS = {"pipsqueak banner, one machine": 120.0}


def rows() -> Iterator[Row]:
    """Each a median over fresh processes."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    ready = []
    for _ in range(REPEATS):
        ready.append(_daemon_ready())
        with running():
            for name, words in COMMANDS.items():
                taken[name].append(once(lambda words=words: _run(*words)))
    yield Row(
        "daemon ready, from process start to published",
        1000 * statistics.median(ready),
        "ms",
        at_most=400,
    )
    for name, found in taken.items():
        yield Row(name, 1000 * statistics.median(found), "ms", at_most=GOALS.get(name))


def _daemon_ready() -> float:
    started: list[Running] = []
    with world() as home:
        took = once(lambda: started.append(start(home)))
        started[0].stop()
    return took


def _run(*words: str) -> None:
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)

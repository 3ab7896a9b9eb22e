"""How long until something answers: daemon ready, `pipsqueak` banner, `--help`, an import.

All in turn, so that noise meets them all.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator

from extents import Extent
from machines import Running, running, start, world
from measure import Figure, once

COMMANDS = {
    "Python itself, empty program": ("-c", "pass"),
    "pipsqueak banner, one machine": ("-m", "seeclient.pipsqueak"),
    "pipsqueak --help": ("-m", "seeclient.pipsqueak", "--help"),
    "seemachine --help": ("-m", "seemachine", "--help"),
}
IMPORT = """
import time
began = time.perf_counter()
import seeclient.blocking
print(time.perf_counter() - began)
"""


def figures(extent: Extent) -> Iterator[Figure]:
    """Each a median over fresh processes."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    ready, imported = [], []
    for _ in range(extent.starts):
        ready.append(_daemon_ready())
        imported.append(_import_seconds())
        with running():
            for name, words in COMMANDS.items():
                taken[name].append(once(lambda words=words: _run(*words)))
    taken["daemon ready, from process start to published"] = ready
    taken["import seeclient.blocking, Python running"] = imported
    for name, found in taken.items():
        yield Figure(name, 1000 * statistics.median(found), "ms")


def _daemon_ready() -> float:
    started: list[Running] = []
    with world() as home:
        took = once(lambda: started.append(start(home)))
        started[0].stop()
    return took


def _import_seconds() -> float:
    return float(_run("-c", IMPORT))


def _run(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout

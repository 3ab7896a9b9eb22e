"""Single signatures over TCP on this machine, of 1 to 64 clients, each durable before it is handed
out.
"""

import itertools
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from extents import Extent
from machines import Loaded, Running, load, running
from measure import Figure, percentile, seconds
from seeclient import blocking

from seemachine.state.nvram.database import SETTINGS
from seemachine.wire.names import nvram_name

CLIENTS = (1, 8, 64)
COMMITS = 200
SHARED = "daemon and clients share the cores"
CPU = "us of CPU a signature"


def figures(extent: Extent) -> Iterator[Figure]:
    """At w=8 and w=4; each number of clients has a key of its own."""
    with running() as machine, blocking.open_fleet() as fleet:
        for w in (8, 4):
            for clients in CLIENTS:
                yield from _figures(machine, fleet, extent, w, clients)


def _figures(
    machine: Running, fleet: blocking.Fleet, extent: Extent, w: int, clients: int
) -> Iterator[Figure]:
    file, name = new_file(fleet, extent.height, w), f"sign h{extent.height}/w{w}"
    before = commit_milliseconds()
    loaded = load(machine, [file], clients, extent.load_seconds)
    yield from rate_figures(f"{name}, {clients} client{'s' * (clients > 1)}", loaded)
    if clients == 1:
        commit = statistics.mean((before, commit_milliseconds()))
        yield from _latency_figures(name, loaded.milliseconds, commit)


def rate_figures(name: str, loaded: Loaded) -> Iterator[Figure]:
    """Signatures per second, and what each takes of the processors."""
    yield Figure(name, loaded.rate, "per second", SHARED)
    yield Figure(f"{name}: daemon, main thread", loaded.main_thread, CPU)
    yield Figure(f"{name}: daemon, other threads", loaded.other_threads, CPU)
    yield Figure(f"{name}: clients", loaded.clients, CPU, "frames made before")


def _latency_figures(name: str, milliseconds: list[float], commit: float) -> Iterator[Figure]:
    p50 = percentile(milliseconds, 50)
    yield Figure(f"{name}, one client, p50", p50, "ms")
    yield Figure(f"{name}, one client, p99", percentile(milliseconds, 99), "ms")
    yield Figure(f"{name}, one commit of SQLite, flushed", commit, "ms", f"median of {COMMITS}")
    yield Figure(f"{name}, one client, p50 less 1.5 commits", p50 - 1.5 * commit, "ms")


def new_file(fleet: blocking.Fleet, h: int, w: int) -> bytes:
    """The NVRAM file of a new key that has all its leaves in one machine."""
    alias = f"bench-{next(_NUMBERS)}"
    key = fleet.generate_lms(alias, f"sha256_m32_h{h}", f"sha256_n32_w{w}")
    return nvram_name(key.public_key)


_NUMBERS = itertools.count()


def commit_milliseconds() -> float:
    """An update in a database set up as the store's, alone on the disk that the world folders are
    on.
    """
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
        database = sqlite3.connect(Path(folder) / "commit.db", isolation_level=None)
        for name, value in SETTINGS.items():
            database.execute(f"PRAGMA {name} = {value}")
        database.execute("CREATE TABLE t (n INTEGER)")
        database.execute("INSERT INTO t VALUES (0)")
        taken = 1000 * seconds(lambda: database.execute("UPDATE t SET n = n + 1"), COMMITS)
        database.close()
        return taken

"""Through the daemon, over TCP on this machine: generation beside the bare engine, signatures of 1
to 64 clients, an h20 tree meanwhile.
"""

import itertools
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from libraries import MESSAGE, make
from machines import Running, peak_megabytes, running
from measure import Row, once, percentile, rate, seconds
from seeclient import blocking

from seemachine.lms import engines
from seemachine.state.nvram.database import SETTINGS
from seemachine.wire.names import nvram_name

CLIENTS = (1, 8, 32, 64)
ROUNDS = 3
LOAD_SECONDS = 1.0
COMMITS = 200
PAUSE_SECONDS = 0.005  # of the client that signs during a generation
SLICE_SECONDS = 2.0
SHARED = "daemon and clients share the cores"


@dataclass
class Signing:
    """What the rounds measured: signatures a second by number of clients; milliseconds of one
    client, and of commits.
    """

    rates: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    latencies: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)


def rows(*, full: bool) -> Iterator[Row]:
    """Everything that goes through a daemon."""
    with running() as machine, blocking.open_fleet() as fleet:
        yield from _keygen_rows(fleet, 10, 7, full=full)
        yield from _keygen_rows(fleet, 15, ROUNDS, full=full)
        yield from _signing_rows(fleet, machine, 8)
        yield from _signing_rows(fleet, machine, 4)
        yield from _client_rows(fleet)
    with running() as machine, blocking.open_fleet() as fleet:
        yield from _large_tree_rows(fleet, machine, 8 if full else 4)


def _generate(fleet: blocking.Fleet, h: int, w: int) -> blocking.Key:
    return fleet.generate_lms(next(_ALIASES), f"sha256_m32_h{h}", f"sha256_n32_w{w}")


_ALIASES = (f"bench-{number}" for number in itertools.count())


def _keygen_rows(fleet: blocking.Fleet, h: int, repeats: int, *, full: bool) -> Iterator[Row]:
    engine = engines.select()
    pairs = [
        (once(lambda: make(engine, h, 8)), once(lambda: _generate(fleet, h, 8)))
        for _ in range(repeats)
    ]
    bare, through = (statistics.median(column) for column in zip(*pairs, strict=True))
    yield Row(f"keygen h{h}/w8, bare engine, all cores", bare, "s")
    yield Row(
        f"keygen h{h}/w8, through the daemon",
        through,
        "s",
        "resumable after every step, installed, key file written",
    )
    more = statistics.median(100 * (daemon / engine - 1) for engine, daemon in pairs)
    if not full and h == 15:
        yield Row(
            "keygen h20/w8, 32 times that",
            32 * through,
            "s",
            "extrapolated; --full measures it",
            at_most=100,
        )
    yield Row(
        f"keygen h{h}/w8, what the daemon adds",
        more,
        "%",
        "median of pairs",
        at_most=15 if h == 15 else None,
    )


def _signing_rows(fleet: blocking.Fleet, machine: Running, w: int) -> Iterator[Row]:
    measured = Signing()
    for _ in range(ROUNDS):
        _sign_for_a_round(measured, machine, _generate(fleet, 15, w))
    yield from _latency_rows(measured, w)
    for clients, rates in measured.rates.items():
        yield Row(
            f"sign h15/w{w}, {clients} client{'s' * (clients > 1)}",
            statistics.median(rates),
            "per second",
            SHARED,
            at_least=4000 if clients == CLIENTS[-1] else None,
        )


def _sign_for_a_round(measured: Signing, machine: Running, key: blocking.Key) -> None:
    """Each round has a key of its own and goes through all numbers of clients."""
    measured.commits.append(_commit_milliseconds())
    for clients in CLIENTS:
        loaded = _load(machine, key, clients, LOAD_SECONDS)
        measured.rates[clients].append(loaded["rate"])
        if clients == 1:
            measured.commits.append(_commit_milliseconds())
            measured.latencies += loaded["milliseconds"]


def _latency_rows(measured: Signing, w: int) -> Iterator[Row]:
    commits, latencies = measured.commits, measured.latencies
    commit = statistics.median(commits)
    yield Row(
        "one commit of SQLite here, flushed (around the next)",
        commit,
        "ms",
        f"median of {len(commits)} medians of {COMMITS}",
    )
    yield Row(
        f"sign h15/w{w}, one client, p50",
        percentile(latencies, 50),
        "ms",
        "goal 1.5 x commit + 0.3",
        at_most=1.5 * commit + 0.3,
    )
    yield Row(f"sign h15/w{w}, one client, p99", percentile(latencies, 99), "ms")


def _client_rows(fleet: blocking.Fleet) -> Iterator[Row]:
    key = _generate(fleet, 15, 8)
    signature = key.sign(MESSAGE)
    yield Row(
        "seeclient: key.sign, h15/w8",
        1000 * seconds(lambda: key.sign(MESSAGE), 200),
        "ms",
        "median of 200",
    )
    yield Row(
        "seeclient: key.verify, h15/w8, on the host",
        rate(lambda: key.verify(MESSAGE, signature), 0.5),
        "per second",
    )


def _large_tree_rows(fleet: blocking.Fleet, machine: Running, w: int) -> Iterator[Row]:
    """One client signs with an h15 key, with pauses, for as long as an h20 tree is being made."""
    key, took = _generate(fleet, 15, 8), []
    with ThreadPoolExecutor(1) as aside:
        making = aside.submit(lambda: took.append(once(lambda: _generate(fleet, 20, w))))
        latencies = _latencies_while(making, machine, key)
        making.result()
    yield Row(
        f"keygen h20/w{w}, through the daemon, signing meanwhile",
        took[0],
        "s",
        "all cores, once",
        at_most=100 if w == 8 else None,
    )
    yield Row(
        "sign h15/w8 meanwhile, p50",
        percentile(latencies, 50),
        "ms",
        f"{len(latencies)} signatures",
    )
    yield Row("sign h15/w8 meanwhile, p99", percentile(latencies, 99), "ms", at_most=50)
    if (peak := peak_megabytes(machine.process.pid)) is not None:
        yield Row(
            "peak memory of the daemon meanwhile",
            peak,
            "MB",
            "resident, from its start",
            at_most=200,
        )


def _latencies_while(making: Future[None], machine: Running, key: blocking.Key) -> list[float]:
    slices: list[list[float]] = []
    while not making.done():
        slices.append(_load(machine, key, 1, SLICE_SECONDS, PAUSE_SECONDS)["milliseconds"])
    # The last one saw the end of the generation.
    return [each for found in slices[: max(1, len(slices) - 1)] for each in found]


def _load(
    machine: Running, key: blocking.Key, clients: int, duration: float, pause: float = 0
) -> dict:
    words = [machine.host, machine.port, nvram_name(key.public_key).hex(), clients, duration, pause]
    script = Path(__file__).with_name("load.py")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, words)], stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def _commit_milliseconds() -> float:
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

"""Through the daemon: generation, one client's signatures, many clients' signatures, beside what a commit costs here."""

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import trio
from machines import running
from measure import Row, once, seconds
from seeclient import blocking, dispatch
from seeclient.fleet import Connection

from seemachine.lms import engines
from seemachine.lms.engines import SignJob
from seemachine.lms.parameters import lmots
from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned
from seemachine.wire.names import nvram_name

LMS, LMOTS = "sha256_m32_h5", "sha256_n32_w8"
LARGE = ("sha256_m32_h10", "sha256_n32_w8")
CLIENTS = (1, 8, 32)
SIGNATURES = 512


def rows() -> Iterator[Row]:
    """The figures of one machine with the engine that it chose."""
    commit, hashing = _commit_seconds(), _sign_seconds()
    yield Row("one SQLite commit, WAL and full flush", commit * 1000, "ms")
    yield Row("one signature in the engine, w8", hashing * 1000, "ms")
    with running():
        with blocking.open_fleet() as fleet:
            aliases = iter(f"bench-{number}" for number in range(1000))
            took = seconds(lambda: fleet.generate_lms(next(aliases), LMS, LMOTS))
            yield Row("generate h5/w8", took * 1000, "ms", "expected under 1000 ms; the guide's HSMs take 0.8 to 1.1 s")
            key = fleet.generate_lms("bench-large", *LARGE)
            latency = statistics.median(once(lambda: key.sign(b"firmware")) for _ in range(64))
            beside = f"{latency / (commit + hashing):.2f} times commit + hashing, expected under 2; the guide's HSMs take 18 to 25 ms"
            yield Row("sign, one client, with pipsqueak's question who holds the file", latency * 1000, "ms", beside)
            public_key = key.public_key
        for clients in CLIENTS:
            yield Row(
                f"signatures, {clients} clients", _throughput(public_key, clients), "per second", "each durable before it is returned"
            )


def _commit_seconds() -> float:
    """An update in a database set up as the store's, alone on the disk that the world folders are on."""
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
        database = sqlite3.connect(Path(folder) / "commit.db", isolation_level=None)
        for pragma in ("journal_mode = wal", "synchronous = full", "locking_mode = exclusive"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("CREATE TABLE t (n INTEGER)")
        database.execute("INSERT INTO t VALUES (0)")
        taken = statistics.median(once(lambda: database.execute("UPDATE t SET n = n + 1")) for _ in range(200))
        database.close()
        return taken


def _sign_seconds() -> float:
    engine, ots = engines.select(), lmots(LMOTS)
    jobs = [SignJob(bytes(16), os.urandom(32), leaf, os.urandom(32)) for leaf in range(40)]
    return statistics.median(once(lambda job=job: engine.sign(ots, [job])) for job in jobs)


def _throughput(public_key: bytes, clients: int) -> float:
    """Signatures per second of `clients` connections, each asking one after the other."""
    [address] = dispatch.addresses()
    each = max(4, min(64, 256 // clients))
    request = NvmemfileSign(file=nvram_name(public_key), message=b"firmware")

    async def one(begin: trio.Event, ready: list[int]) -> None:
        connection = Connection(address, await trio.open_tcp_stream(address.host, address.port))
        await connection.greet()
        ready.append(1)
        await begin.wait()
        for _ in range(each):
            assert isinstance(await connection.ask(request), NvmemfileSigned)
        await connection.close()

    async def all_of_them() -> float:
        begin, ready = trio.Event(), []
        async with trio.open_nursery() as nursery:
            for _ in range(clients):
                nursery.start_soon(one, begin, ready)
            while len(ready) < clients:  # noqa: ASYNC110
                await trio.sleep(0.01)
            began = time.perf_counter()
            begin.set()
        return clients * each / (time.perf_counter() - began)

    return trio.run(all_of_them)

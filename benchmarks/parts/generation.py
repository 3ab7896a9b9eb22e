"""Keys: generation through the daemon beside the bare engine, and an h20 tree while others sign."""

import statistics
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from extents import Extent
from libraries import make
from machines import Running, load, peak_megabytes, running
from measure import Figure, once, percentile
from seeclient import blocking

from parts.signing import new_file
from seemachine.lms import engines

PAUSE_SECONDS = 0.005  # of the client that signs during a generation
SLICE_SECONDS = 2.0
EVERY_STEP = "resumable after every step, installed, key file written"


def figures(extent: Extent) -> Iterator[Figure]:
    """All cores."""
    with running(), blocking.open_fleet() as fleet:
        for h, pairs in ((10, 7), (15, 3)):
            if h <= extent.height:
                yield from _keygen_figures(fleet, h, min(pairs, extent.pairs))
        if extent.large == 4:
            through = once(lambda: new_file(fleet, 15, 8))
            yield Figure("keygen h20/w8, 32 times h15", 32 * through, "s", "--full measures it")
    if extent.large:
        with running() as machine, blocking.open_fleet() as fleet:
            yield from _large_tree_figures(fleet, machine, extent.large)


def _keygen_figures(fleet: blocking.Fleet, h: int, repeats: int) -> Iterator[Figure]:
    engine, name = engines.select(), f"keygen h{h}/w8"
    pairs = [
        (once(lambda: make(engine, h, 8)), once(lambda: new_file(fleet, h, 8)))
        for _ in range(repeats)
    ]
    bare, through = (statistics.median(column) for column in zip(*pairs, strict=True))
    more = statistics.median(100 * (daemon / engine - 1) for engine, daemon in pairs)
    yield Figure(f"{name}, bare engine, all cores", bare, "s")
    yield Figure(f"{name}, through the daemon", through, "s", EVERY_STEP)
    yield Figure(f"{name}, what the daemon adds", more, "%", "median of pairs")


def _large_tree_figures(fleet: blocking.Fleet, machine: Running, w: int) -> Iterator[Figure]:
    """One client signs with an h15 key, with pauses, for as long as an h20 tree is being made."""
    file, took = new_file(fleet, 15, 8), []
    with ThreadPoolExecutor(1) as aside:
        making = aside.submit(lambda: took.append(once(lambda: new_file(fleet, 20, w))))
        latencies = _latencies_while(making, machine, file)
        making.result()
    name = f"keygen h20/w{w}, through the daemon, signing meanwhile"
    told = f"{len(latencies)} signatures"
    yield Figure(name, took[0], "s", "all cores, once")
    yield Figure("sign h15/w8 meanwhile, p50", percentile(latencies, 50), "ms", told)
    yield Figure("sign h15/w8 meanwhile, p99", percentile(latencies, 99), "ms", told)
    if (peak := peak_megabytes(machine.process.pid)) is not None:
        told = "resident, from its start"
        yield Figure("peak memory of the daemon meanwhile", peak, "MB", told)


def _latencies_while(making: Future[None], machine: Running, file: bytes) -> list[float]:
    slices: list[list[float]] = []
    while not making.done():
        loaded = load(machine, [file], 1, SLICE_SECONDS, pause=PAUSE_SECONDS)
        slices.append(loaded.milliseconds)
    # The last one saw the end of the generation.
    return [each for found in slices[: max(1, len(slices) - 1)] for each in found]

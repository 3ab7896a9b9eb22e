"""What the client in Python adds to the bare exchange of a request and its reply."""

import statistics
import time
from collections.abc import Callable, Iterator

from extents import Extent
from load import MESSAGE, Frame, connect
from machines import Running, running
from measure import Figure, once, percentile, rate
from seeclient import blocking

from parts.signing import CPU
from seemachine.wire.names import nvram_name

MANY = 4096


class Timed:
    """A call with what each took: wall milliseconds, and microseconds of our processor time."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self.wall: list[float] = []
        self.processor: list[float] = []

    def once(self) -> None:
        """Call it."""
        before = time.process_time()
        self.wall.append(1000 * once(self._call))
        self.processor.append(1e6 * (time.process_time() - before))


def figures(extent: Extent) -> Iterator[Figure]:
    """With an h15/w8 key."""
    h = extent.height
    with running() as machine, blocking.open_fleet() as fleet:
        key = fleet.generate_lms("bench", f"sha256_m32_h{h}", "sha256_n32_w8")
        yield from _single_figures(machine, key, extent.pairs)
        yield from _many_figures(key, min(MANY, 1 << h - 1))
        signature = key.sign(MESSAGE)
        verified = rate(lambda: key.verify(MESSAGE, signature), extent.load_seconds / 2)
        yield Figure("seeclient: key.verify, w8, on the host", verified, "per second")


def _single_figures(machine: Running, key: blocking.Key, pairs: int) -> Iterator[Figure]:
    """In turn, so that noise meets both."""
    frame = Frame.signing(nvram_name(key.public_key), 1)
    bare = Timed(connect(machine.host, machine.port, frame).exchange)
    ours = Timed(lambda: key.sign(MESSAGE))
    for _ in range(pairs):
        bare.once()
        ours.once()
    note = f"w8, in turn, {pairs} pairs"
    pairs_of = zip(ours.wall, bare.wall, strict=True)
    more = 1000 * statistics.median(whole - exchange for whole, exchange in pairs_of)
    yield Figure("bare exchange, p50", percentile(bare.wall, 50), "ms", note)
    yield Figure("seeclient: key.sign, p50", percentile(ours.wall, 50), "ms", note)
    yield Figure("seeclient: key.sign beyond the bare exchange", more, "us", "median of pairs")
    yield Figure("bare exchange: client", statistics.median(bare.processor), CPU)
    yield Figure("seeclient: key.sign: client", statistics.median(ours.processor), CPU)


def _many_figures(key: blocking.Key, count: int) -> Iterator[Figure]:
    """Nothing from a tree whose keys can't."""
    if not hasattr(key, "sign_many"):
        return
    many = Timed(lambda: key.sign_many([MESSAGE] * count))
    many.once()
    note = f"w8, {count} messages, one machine"
    yield Figure("seeclient: key.sign_many", 1000 * count / many.wall[0], "per second", note)
    yield Figure("seeclient: key.sign_many: client", many.processor[0] / count, CPU, note)

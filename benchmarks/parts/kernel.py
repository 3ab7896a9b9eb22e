"""The engine on one core: leaves, one-time signatures and verifications, one by one and in
batches.
"""

from collections.abc import Iterator

from engines import contestant, go_round
from extents import Extent
from host import one_thread
from measure import Figure

from seemachine.lms.parameters import lmots

SETS = ("sha256_n32_w8", "sha256_n32_w4", "shake_n32_w8", "shake_n32_w4")
LEAVES = 256


def figures(extent: Extent) -> Iterator[Figure]:
    """The kernels that are chosen here."""
    engine = one_thread()
    found = [contestant(name, engine, lmots(name), LEAVES) for name in SETS]
    go_round(found, extent.trial_seconds)
    for each in found:
        for kind, best in each.best.items():
            yield Figure(f"{kind}, {each.name}", best, "per second")

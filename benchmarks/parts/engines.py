"""Every engine and kernel that works here; see benchmarks/engines.py."""

from collections.abc import Iterator

import engines
from extents import Extent
from measure import Figure

from seemachine.lms.parameters import lmots


def figures(extent: Extent) -> Iterator[Figure]:
    """At sha256_n32_w8, one core but for the last."""
    for each in engines.measure(lmots("sha256_n32_w8"), extent.trial_seconds):
        for kind, best in each.best.items():
            yield Figure(f"{kind}: {each.name}", best, "per second")

"""The libraries side by side: every trial goes round all of them, so that a slow moment of the
machine meets them all.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from extents import Extent
from host import CORES
from libraries import Library, Ours
from measure import Figure

TRIALS = 3
PAIRS = 20
TREES = ((5, 8), (10, 8), (10, 4))
LARGE = (15, 8)
KEYGEN_SECONDS = 0.25  # short keys are made again for so long
SLOW_SECONDS = 3.0  # a key that takes longer is made in one trial alone
RATE_SECONDS = 0.2
PATIENCE_SECONDS = 10.0  # a large key expected to take longer is extrapolated

KEYGENS = {(h, w): f"keygen h{h}/w{w}" for h, w in (*TREES, LARGE)}
EXTRAPOLATED = "~"
ALL_CORES = f"keygen h10/w8, {CORES} threads"
RATES = [f"{verb} w{w}" for w in (8, 4) for verb in ("sign", "verify")]


@dataclass
class Comparison:
    """Trials by library and kind of work: seconds for `keygen`, per second for the rest.

    `estimated` names those that are extrapolated.

    `slow` are the libraries that would take long for a large key.
    """

    libraries: list[Library]
    trials: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    estimated: set[tuple[str, str]] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    pairs: int = PAIRS

    def figure(self, name: str, kind: str) -> float | None:
        """The median of its trials."""
        found = self.trials[name].get(kind)
        return statistics.median(found) if found else None

    def times_faster(self, peer: Library, kind: str) -> float | None:
        """How many times ours is faster: one thread against one, all cores against all.

        None where that would say nothing.
        """
        if peer.caveat and kind.startswith("sign"):
            return None
        ours = next(
            (
                library
                for library in self.libraries
                if library.cores == peer.cores and isinstance(library, Ours)
            ),
            self.libraries[0],
        )
        mine, theirs = self.figure(ours.name, kind), self.figure(peer.name, kind)
        if mine is None or theirs is None:
            return None
        return theirs / mine if kind.startswith("keygen") else mine / theirs

    def figures(self) -> Iterator[Figure]:
        """What each library reached, how many times faster ours is, and all cores against one."""
        for library in self.libraries:
            for kind in (*KEYGENS.values(), *RATES):
                value, about = self.figure(library.name, kind), (library.name, kind)
                if value is not None:
                    unit = "s" if kind.startswith("keygen") else "per second"
                    note = EXTRAPOLATED if about in self.estimated else ""
                    yield Figure(f"{kind}: {library.name}", value, unit, note)
        yield from self._times_figures()
        yield from self._cores_figures()

    def _times_figures(self) -> Iterator[Figure]:
        for peer in self.libraries:
            for kind in (*KEYGENS.values(), *RATES):
                times = None if isinstance(peer, Ours) else self.times_faster(peer, kind)
                if times is not None:
                    note = EXTRAPOLATED if (peer.name, kind) in self.estimated else ""
                    yield Figure(f"{kind}: times faster than {peer.name}", times, "times", note)

    def _cores_figures(self) -> Iterator[Figure]:
        """The best of each: one core lost to others for a moment takes away half of what is asked
        for here.
        """
        ours, every = self.libraries[:2]
        if not isinstance(every, Ours) or every.cores == 1:
            return
        pairs = [(ours.keygen(10, 8), every.keygen(10, 8)) for _ in range(self.pairs)]
        one, all_cores = (min(column) for column in zip(*pairs, strict=True))
        note = f"best of {self.pairs} in turn"
        yield Figure(ALL_CORES, one / all_cores, "times one thread", note)


def compare(libraries: list[Library], extent: Extent) -> Comparison:
    """All trials; with slow libraries the large key is made once or not at all."""
    result = Comparison(libraries, pairs=min(PAIRS, extent.pairs))
    trees = [(h, w) for h, w in TREES if extent.height > 10 or h == 5]
    for _ in range(TRIALS if extent.rounds > 1 else 1):
        for h, w in trees:
            for library in libraries:
                _try(result, library, h, w)
        for library in libraries:
            if extent.height >= LARGE[0]:
                _try_large(result, library, full=extent.slow_libraries)
    return result


def _try(result: Comparison, library: Library, h: int, w: int) -> None:
    trials = result.trials[library.name]
    if max(trials[KEYGENS[h, w]], default=0) > SLOW_SECONDS:
        return
    taken = [library.keygen(h, w)]
    while sum(taken) < KEYGEN_SECONDS:
        taken.append(library.keygen(h, w))
    trials[KEYGENS[h, w]].append(statistics.fmean(taken))
    if library.signs and h == 10:
        trials[f"sign w{w}"].append(library.sign(RATE_SECONDS))
        trials[f"verify w{w}"].append(library.verify(RATE_SECONDS))


def _try_large(result: Comparison, library: Library, *, full: bool) -> None:
    kind, trials = KEYGENS[LARGE], result.trials[library.name]
    expected = trials[KEYGENS[10, 8]][-1] * (1 << LARGE[0] - 10)
    if kind not in trials and expected > PATIENCE_SECONDS:
        result.slow.add(library.name)
    if library.name not in result.slow or (full and kind not in trials):
        trials[kind].append(library.keygen(*LARGE))
    elif not full:
        trials[kind].append(expected)
        result.estimated.add((library.name, kind))

"""How much `make bench` measures: as usual, everything, or a glance that shows that it runs."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Extent:
    """`rounds`: how often each part comes that has rounds. `height`: of the trees that sign.

    `each`, `shared`: how many machines, each in a process of its own, and all in one. `pile`: how
    many signatures are audited. `large`: LM-OTS w of the h20 tree, or 0 for none.
    """

    name: str
    rounds: int
    load_seconds: float
    trial_seconds: float
    height: int
    pairs: int
    starts: int
    each: tuple[int, ...]
    shared: tuple[int, ...]
    pile: int
    large: int
    tests: int
    slow_libraries: bool = False


USUAL = Extent(
    name="usual",
    rounds=3,
    load_seconds=1.0,
    trial_seconds=0.1,
    height=15,
    pairs=500,
    starts=5,
    each=(20, 100),
    shared=(100,),
    pile=10_000,
    large=4,
    tests=1000,
)
FULL = replace(USUAL, name="full", shared=(100, 1000), pile=100_000, large=8, slow_libraries=True)
QUICK = Extent(
    name="quick",
    rounds=1,
    load_seconds=0.05,
    trial_seconds=0.005,
    height=10,
    pairs=5,
    starts=1,
    each=(2,),
    shared=(2,),
    pile=100,
    large=0,
    tests=3,
)
EXTENTS = {extent.name: extent for extent in (USUAL, FULL, QUICK)}

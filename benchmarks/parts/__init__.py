"""What `make bench` measures, part by part. Each has a module of its name here, with a function
`figures`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from extents import Extent
from measure import Figure


@dataclass(frozen=True, slots=True)
class Part:
    """`rounds`: it comes again and again, and the median counts. `against`: an older tree can be
    measured, too. `table`: its figures are called `column: row`, for a table of these. `detached`:
    it starts processes whose time is not told from that of others.
    """

    title: str
    rounds: bool = False
    against: bool = True
    table: bool = False
    detached: bool = False

    def times(self, extent: Extent) -> int:
        """How often it is measured."""
        return extent.rounds if self.rounds else 1


PARTS = {
    "starts": Part("Starts", rounds=True),
    "kernel": Part("Engine, on one core", rounds=True),
    "signing": Part("One signature a request", rounds=True),
    "batches": Part("Many signatures a request", rounds=True),
    "client": Part("seeclient", rounds=True),
    "fleets": Part("Many machines", detached=True),
    "doubles": Part("A machine for a test", against=False),
    "auditing": Part("Verification in bulk", rounds=True),
    "generation": Part("Keys"),
    "engines": Part("Engines", against=False, table=True),
    "libraries": Part("Libraries", against=False, table=True),
}


def figures_of(name: str) -> Callable[[Extent], Iterator[Figure]]:
    """What measures a part, in this process."""
    found: Callable[[Extent], Iterator[Figure]] = import_module(f"parts.{name}").figures
    return found

"""Fixtures of the tests of what is remembered: each kind of store in turn, a world with two
machines and a rack.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.stores import DURABLE, ESN, KINDS, OTHER_ESN, Kind
from state.bench import Bench

from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.nvram.base import MirroredStore
from seemachine.world import World


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of store in turn."""
    return request.param


@pytest.fixture(params=DURABLE, ids=lambda kind: kind.name)
def durable_kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of store that outlives its process."""
    return request.param


@pytest.fixture
def store(kind: Kind, tmp_path: Path) -> Iterator[MirroredStore]:
    """A new store of each kind."""
    opened = kind.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def reopen(durable_kind: Kind, tmp_path: Path) -> Iterator[Callable[[], MirroredStore]]:
    """Closes the durable store under test, if it is open, and opens it again."""
    opened: list[MirroredStore] = []

    def again() -> MirroredStore:
        if opened:
            opened.pop().close()
        opened.append(durable_kind.open(tmp_path))
        return opened[0]

    yield again
    if opened:
        opened[0].close()


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A world folder in which two machines have been."""
    for esn in (ESN, OTHER_ESN):
        (tmp_path / "hsm" / esn).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def rack(world: Path) -> Rack:
    """The cards of the world."""
    return Rack(World.at(world))


@pytest.fixture
def slots(world: Path) -> Slots:
    """The slots of the first machine."""
    return Slots(World.at(world), ESN)


@pytest.fixture
def bench(durable_kind: Kind, tmp_path: Path) -> Iterator[Bench]:
    """A machine's folder for each durable store."""
    made = Bench(durable_kind, tmp_path)
    yield made
    made.close()

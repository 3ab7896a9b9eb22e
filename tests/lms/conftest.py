"""Fixtures of the mathematics' tests: the engines under test, and keys that are made once a
session.
"""

from collections.abc import Callable
from functools import cache

import pytest
from kit.signatures import finish

from seemachine.lms.engines import Engine
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.generation import Generation
from seemachine.lms.parameters import OtsParameters, TreeParameters
from seemachine.lms.sectors import Sectors
from seemachine.testing import repeatable


def native() -> Engine:
    """The native engine, if it is built."""
    return pytest.importorskip(
        "seemachine.lms.engines.native", reason="the native engine is not built"
    ).NativeEngine()


# Another engine joins every test of this folder by an entry here. One that this machine can't run:
# pytest.param(..., marks=skipif).
ENGINES = [pytest.param(PortableEngine, id="portable"), pytest.param(native, id="native")]


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return request.param()


@pytest.fixture(scope="session")
def made(engine: Engine) -> Callable[..., Generation]:
    """`made(tree, ots, expcards, explease, expcache)`: a finished key, made once for each choice.

    Treat it as read-only.
    """

    def make(
        tree: TreeParameters,
        ots: OtsParameters,
        expcards: int = 0,
        explease: int = 0,
        expcache: int = 0,
    ) -> Generation:
        sectors = Sectors(tree.h, expcards, explease)
        random = repeatable(f"{tree.name} {ots.name}")
        generation = Generation(tree, ots, sectors, 3, expcache, random)
        finish(engine, generation)
        return generation

    return cache(make)

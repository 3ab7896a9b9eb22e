"""Fixtures of the mathematics' tests: the engines under test, and keys that are made once a
session.
"""

from collections.abc import Callable
from functools import cache

import pytest
from lms.kit import make_key

from seemachine.lms.engines import Engine
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.generation import Generation


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
    return cache(lambda *choice: make_key(engine, *choice))

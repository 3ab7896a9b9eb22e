"""Fixtures of the tests of ML-DSA's mathematics: the engines."""

import pytest

from seemachine.mldsa.engines import MldsaEngine
from seemachine.mldsa.engines.portable import PortableMldsa


def openssl() -> MldsaEngine:
    """That of cryptography, where it is new enough."""
    return pytest.importorskip(
        "seemachine.mldsa.engines.openssl", reason="cryptography has no ML-DSA"
    ).OpensslMldsa()


# Another engine joins every test of this folder by an entry here.
ENGINES = [pytest.param(PortableMldsa, id="portable"), pytest.param(openssl, id="openssl")]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> MldsaEngine:
    """Each engine in turn."""
    return request.param()


@pytest.fixture(params=ENGINES)
def judge(request: pytest.FixtureRequest) -> MldsaEngine:
    """Each engine in turn, as the judge of another."""
    return request.param()

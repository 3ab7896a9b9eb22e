"""seemachine_async_fleet where neither trio nor anyio runs the test.

Plugins of asyncio differ in which async fixtures they run: pytest-asyncio, unless it is told
otherwise, none of another plugin's. A fleet for asyncio needs no loop to come up and to go, so
there the fixture is one without async.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from seemachine.testing.plugin import options
from seemachine.testing.plugin.fixtures import blocking_fleet

if TYPE_CHECKING:
    from seemachine.testing.fleets.aio_fleet import AioFleet


# Before those of trio, anyio and asyncio, which look whether a fixture is async.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Have the fixture of such a test be the one without async."""
    if fixturedef.argname != options.ASYNC_FLEET or _has_loop_for_fixtures(request):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixturedef, "func", _fleet_of_asyncio)
        return (yield)


def _has_loop_for_fixtures(request: pytest.FixtureRequest) -> bool:
    by_trio = request.node.get_closest_marker("trio") is not None
    return by_trio or "anyio_backend" in request.fixturenames


def _fleet_of_asyncio(request: pytest.FixtureRequest) -> "Iterator[AioFleet]":
    from seemachine.testing.fleets.aio_fleet import AioFleet

    with blocking_fleet(request) as fleet:
        yield AioFleet(fleet, fleet)

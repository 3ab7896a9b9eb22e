"""The fixtures. Each loads what it needs when a test asks for it."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from seemachine.testing.plugin import options
from seemachine.testing.plugin.leading import LEADING

if TYPE_CHECKING:
    from typing import Unpack

    from seeclient import blocking
    from seeclient.algorithms.lms.provisioning import Provisioned

    from seemachine.testing.fleets.blocking_fleet import BlockingFleet
    from seemachine.testing.fleets.cards import Cards
    from seemachine.testing.lms_words import KeyMaker, LmsWords
    from seemachine.world import World


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    del fixture_name
    return options.scope_of(config)


@pytest.fixture(scope=_scope)
def seemachine_fleet(request: pytest.FixtureRequest) -> "Iterator[BlockingFleet]":
    """A fleet in this process, and its blocking client: see seemachine.testing.fleet.

    The marker seemachine says which; seemachine_fleet_scope, how long it lasts. Machines take blank
    cards by themselves unless the marker says operator="manual". While it is up the environment of
    this process leads to its world, so that code under test reaches no other.
    """
    with blocking_fleet(request) as fleet:
        yield fleet


@contextmanager
def blocking_fleet(request: pytest.FixtureRequest) -> "Iterator[BlockingFleet]":
    """The fleet that a test wants, led to, and shown where the test fails."""
    from seemachine.testing.plugin import report

    with ExitStack() as stack:
        with _refusals_told():
            fleet: BlockingFleet = stack.enter_context(_chosen(request))
        stack.enter_context(LEADING.to(fleet.env))
        stack.enter_context(report.shown(request.node, fleet))
        yield fleet


@pytest.fixture
async def seemachine_async_fleet(request: pytest.FixtureRequest) -> "AsyncIterator[Any]":
    """The same for one test of trio or asyncio: a fleet, and the client of the loop that runs.

    without_loop.py has it for tests whose fixtures no loop runs.
    """
    from seemachine.testing.plugin import report

    async with AsyncExitStack() as stack:
        with _refusals_told():
            fleet = await stack.enter_async_context(_chosen(request))
        stack.enter_context(LEADING.to(fleet.env))
        stack.enter_context(report.shown(request.node, fleet))
        yield fleet


@pytest.fixture
def seemachine_key(request: pytest.FixtureRequest, seemachine_fleet: "BlockingFleet") -> "KeyMaker":
    """Makes LMS keys in seemachine_fleet: `seemachine_key("release", expcards=1)`.

    Without an alias the key is key-1, key-2 and so on; what is not said is as the marker says it,
    else the quickest there is. It takes what generate_lms does.
    """
    from seemachine.testing.plugin import marker
    from seemachine.testing.recipes import recipe

    usual = marker.of_key(marker.said(request.node))
    with _refusals_told():
        recipe(usual)

    def make(alias: str = "", **words: "Unpack[LmsWords]") -> "blocking.Key":
        taken = seemachine_fleet.roster.keys.aliases()
        numbered = (f"key-{number}" for number in range(1, len(taken) + 2))
        free = next(each for each in numbered if each not in taken)
        return seemachine_fleet.generate_lms(alias or free, **recipe(usual | words))

    return make


@pytest.fixture
def seemachine_cards(seemachine_fleet: "BlockingFleet") -> "Cards[Provisioned]":
    """The smart cards of seemachine_fleet."""
    return seemachine_fleet.cards


@pytest.fixture
def seemachine_world(request: pytest.FixtureRequest) -> "Iterator[World]":
    """A world, and the environment of this process leads to it: for code that opens fleets, and for
    programs that it starts.

    It is the world of seemachine_fleet where the test has that, else a new one without machines.
    """
    if options.ASYNC_FLEET in request.fixturenames:
        pytest.fail(
            "seemachine_world is not that of seemachine_async_fleet, which is there later; leave it"
            " out: the environment leads to the world of that fleet, seemachine_async_fleet.world",
            pytrace=False,
        )
    if options.FLEET in request.fixturenames:
        fleet = request.getfixturevalue(options.FLEET)
        with LEADING.to(fleet.env):
            yield fleet.world
        return
    from seemachine.temporary.folder import made
    from seemachine.testing.fleets.surroundings import environment

    folder = made(os.environ)
    try:
        folder.world.folder.mkdir(mode=0o700)
        with LEADING.to(environment(folder.world, os.environ)):
            yield folder.world
    finally:
        folder.remove()


def _chosen(request: pytest.FixtureRequest) -> Any:
    from seemachine import testing
    from seemachine.testing.plugin import marker

    words = marker.of_fleet(marker.said(request.node))
    return testing.fleet(**{"operator": "auto", **words})


@contextmanager
def _refusals_told() -> Iterator[None]:
    """What a marker wants and machines do not take is a sentence, not a bug in some library."""
    from seemachine.config import ConfigError
    from seemachine.lms.parameters import ParameterError
    from seemachine.testing.plugin import marker

    try:
        yield
    except (ConfigError, ParameterError) as error:
        # By the word of the marker, not by that of pipsqueak.
        sentence = str(error).replace("lmotscode=", "lmots=").replace("lmscode=", "lms=")
        raise marker.refused(f": {sentence}") from None

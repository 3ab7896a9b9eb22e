"""The pytest plugin beside others: xdist, pytest-trio, anyio, plain asyncio; and without some."""

import os

IMPORTS = """
import asyncio
import pytest
from seeclient import aio
from seemachine import testing
"""


SHOWN = [
    "*- seemachine fleet -*",
    "  release: leaves 0 to 31, the next is 1",
    "*- seemachine log -*",
    "*command=nvmemfile_sign*",
]


def test_xdist(project):
    """A worker has machines of its own, and what a failure shows comes through."""
    project.settings = "seemachine_fleet_scope = session"
    project.plugins.append("xdist")
    done = project.run(
        IMPORTS
        + """
@pytest.mark.parametrize("number", range(2))
def test_it(seemachine_key, number):
    key = seemachine_key()
    assert testing.leaves_used(key) == 0
    key.sign(b"firmware")
    assert number != 1
""",
        "-n1",
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*- seemachine fleet -*", "*- seemachine log -*"])


ASYNC = """
    key = await seemachine_async_fleet.generate_lms("release", **testing.QUICK)
    await key.sign(b"firmware")
    assert testing.leaves_used(key) == 1
    assert testing.no_leaf_twice(seemachine_async_fleet)
    assert len(seemachine_async_fleet.esns) == 2
"""


def test_pytest_trio(project):
    """A test of trio has machines in its own loop, and its failure shows them."""
    project.plugins.append("trio")
    done = project.run(
        IMPORTS
        + f"""
pytestmark = [pytest.mark.trio, pytest.mark.seemachine(machines=2)]

async def test_it(seemachine_async_fleet):
{ASYNC}

async def test_fails(seemachine_async_fleet):
{ASYNC}
    assert False
"""
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(SHOWN)


def test_trio_mode(project):
    """The same where all async tests are of trio."""
    project.plugins.append("trio")
    project.settings = "trio_mode = true"
    project.passes(
        IMPORTS
        + f"""
@pytest.mark.seemachine(machines=2)
async def test_it(seemachine_async_fleet):
{ASYNC}
"""
    )


def test_anyio(project):
    """A test of anyio runs on trio and on asyncio, and has the client of that."""
    project.plugins.append("anyio")
    done = project.run(
        IMPORTS
        + f"""
pytestmark = [pytest.mark.anyio, pytest.mark.seemachine(machines=2)]

async def test_it(seemachine_async_fleet):
{ASYNC}

async def test_fails(seemachine_async_fleet):
{ASYNC}
    assert False
"""
    )
    done.assert_outcomes(passed=2, failed=2)
    done.stdout.fnmatch_lines(SHOWN + SHOWN)


# As pytest-asyncio unless it is told otherwise: it runs tests that are marked, and no fixture.
RUNS_NO_FIXTURES = """
import asyncio
import pytest

def pytest_configure(config):
    config.addinivalue_line("markers", "asyncio: run by asyncio")

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if pyfuncitem.get_closest_marker("asyncio"):
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True
"""


def test_asyncio_that_runs_no_fixtures(project, pytester):
    """A test that asyncio runs has the client of asyncio, whichever plugin runs it, and its failure
    shows the machines; a test of trio beside it has that of trio.
    """
    pytester.makeconftest(RUNS_NO_FIXTURES)
    project.plugins.append("trio")
    done = project.run(
        IMPORTS
        + f"""
pytestmark = pytest.mark.seemachine(machines=2)

@pytest.mark.asyncio
async def test_it(seemachine_async_fleet):
    assert isinstance(seemachine_async_fleet, testing.AioFleet)
{ASYNC}

@pytest.mark.asyncio
async def test_fails(seemachine_async_fleet):
{ASYNC}
    assert False

@pytest.mark.trio
async def test_of_trio(seemachine_async_fleet):
    assert isinstance(seemachine_async_fleet, testing.TrioFleet)
{ASYNC}
"""
    )
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(SHOWN)


def test_a_refused_marker_of_an_async_test(project):
    """It is refused in the same words, among those of pytest-trio."""
    project.plugins.append("trio")
    done = project.run(
        """
import pytest

@pytest.mark.trio
@pytest.mark.seemachine(store="sqllite")
async def test_it(seemachine_async_fleet):
    pass
"""
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*@pytest.mark.seemachine: store*sqllite*"])


def test_the_environment_leads_to_an_async_fleet(project, monkeypatch):
    """Code that opens a fleet by itself finds that of the async test, and no other."""
    monkeypatch.setenv("SEEMACHINE_HOME", "/nonexistent")
    project.plugins.append("trio")
    project.passes(
        """
import pytest
import seeclient
from seemachine import testing

@pytest.mark.trio
async def test_it(seemachine_async_fleet):
    await seemachine_async_fleet.generate_lms("release", **testing.QUICK)
    async with seeclient.open_fleet() as fleet:
        await fleet.key("release").sign(b"firmware")
    assert testing.leaves_used(seemachine_async_fleet.key("release")) == 1
"""
    )
    assert os.environ["SEEMACHINE_HOME"] == "/nonexistent"


def test_no_world_of_an_async_fleet(project):
    """A world that is not that of the test's fleet would be a surprise: it is refused."""
    project.plugins.append("trio")
    done = project.run(
        """
import pytest

@pytest.mark.trio
async def test_it(seemachine_async_fleet, seemachine_world):
    pass
"""
    )
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["seemachine_world is not that of seemachine_async_fleet*"])


def test_plain_asyncio(project):
    """A test that runs a loop of its own opens the client of asyncio on the world of its fleet."""
    project.passes(
        IMPORTS
        + """
def test_it(seemachine_fleet):
    async def main():
        async with aio.open_fleet(world=seemachine_fleet.world) as fleet:
            key = await fleet.generate_lms("release", **testing.QUICK)
            await key.sign(b"firmware")
    asyncio.run(main())
    assert testing.leaves_used(seemachine_fleet.key("release")) == 1
"""
    )


# What the runs of these tests need themselves stays: the terminal, its capture, a base for folders.
BARE = "monkeypatch logging warnings unittest doctest junitxml threadexception"


def test_without_other_plugins(project):
    """It needs no plugin that a run may switch off."""
    project.passes(
        "def test_it(seemachine_key, seemachine_world): seemachine_key().sign(b'firmware')",
        *(word for name in BARE.split() for word in ("-p", f"no:{name}")),
    )


def test_with_all_that_is_installed(project, monkeypatch):
    """It is found without being named, and others with it."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    project.plugins.clear()
    project.passes("def test_it(seemachine_key): seemachine_key().sign(b'firmware')")


def test_switched_off(project):
    """Who switches it off has none of it, and no trouble."""
    project.plugins.clear()
    done = project.run("def test_it(seemachine_fleet): pass", "-p", "no:seemachine")
    done.stdout.fnmatch_lines(["*fixture 'seemachine_fleet' not found"])
    project.run("def test_it(): pass", "-p", "no:seemachine").assert_outcomes(passed=1)

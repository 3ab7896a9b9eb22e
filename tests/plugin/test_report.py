"""What the report of a failed test says of its machines."""

import re

import pytest

from seemachine.testing.plugin.report import MOST_LINES, Reporter

IMPORTS = """
import pytest
from seemachine import testing
"""
SUMMARY, LOG = "*- seemachine fleet -*", "*- seemachine log -*"


def test_a_failure_shows_its_machines(project):
    """Keys, leaves and cards of the fleet, and what the machines logged, are in the report; of a
    test that passes nothing is.
    """
    source = """
def test_passes(seemachine_key):
    seemachine_key("other").sign(b"firmware")

def test_fails(seemachine_key):
    seemachine_key("release").sign(b"firmware")
    assert False
"""
    done = project.run(source)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            SUMMARY,
            "  release: leaves 0 to 31, the next is 1",
            LOG,
            "*info 7852-268D-3BF9 ready*",
            "*command=nvmemfile_sign*",
        ]
    )
    done.stdout.no_fnmatch_line("*other*")


@pytest.mark.parametrize(
    ("when", "source"),
    [
        ("setup", "def test_it(seemachine_fleet, broken): pass"),
        ("teardown", "def test_it(seemachine_fleet, breaking): pass"),
    ],
)
def test_a_fixture_that_fails(project, when, source):
    """The same, where another fixture of the test fails."""
    done = project.run(
        IMPORTS
        + f"""
@pytest.fixture
def broken(seemachine_fleet):
    raise OSError

@pytest.fixture
def breaking(seemachine_fleet):
    yield
    raise OSError

{source}
"""
    )
    done.assert_outcomes(errors=1, passed=when == "teardown")
    done.stdout.fnmatch_lines([f"* ERROR at {when} of test_it *", SUMMARY, LOG])


def test_a_fleet_of_a_module(project):
    """Of a fleet that several tests have, the log is that of the test that failed; a test without
    the fleet shows it too, for it may be at fault.
    """
    project.settings = "seemachine_fleet_scope = module"
    done = project.run(
        """
def test_first(seemachine_key):
    seemachine_key("first")

def test_second(seemachine_key):
    seemachine_key("second")
    assert False
"""
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines([SUMMARY, LOG, "*command=generateLMS*"])
    assert len([line for line in done.outlines if "command=generateLMS" in line]) == 1


def test_capture_options_are_heeded(project):
    """Who wants no captured output sees none of it; who wants the log sees the log alone."""
    source = "def test_it(seemachine_fleet): assert False"
    project.run(source, "--show-capture=no").stdout.no_fnmatch_line("*seemachine *log*")
    shown = project.run(source, "--show-capture=log").stdout
    shown.fnmatch_lines([LOG])
    shown.no_fnmatch_line(SUMMARY)


@pytest.mark.parametrize(
    "refused",
    [
        "seemachine_fleet.key('release')",
        "seemachine_fleet.cards.provision('card9')",
        "seemachine_fleet.faults.add('tare')",
        "seemachine_fleet.stop(2)",
    ],
)
def test_a_refusal_ends_where_the_test_asked(project, refused):
    """What goes on within the library is of no interest, unless all of it is asked for."""
    source = f"def test_it(seemachine_fleet):\n    {refused}\n"
    shown = project.run(source).stdout
    shown.fnmatch_lines([f">       {refused}", "E       *", "test_of_a_project.py:2: *"])
    for inner in ("*/seemachine/*.py*", "*/seeclient/*.py*"):
        shown.no_fnmatch_line(inner)
    assert re.search(r"/see\w+/\S+\.py:\d+", project.run(source, "--full-trace").stdout.str())


def test_a_refusal_of_an_async_test_ends_there_too(project):
    """Also where trio has it in a group, or asyncio in a thread."""
    project.plugins += ["trio", "anyio"]
    asked = "await seemachine_async_fleet.generate_lms('release', 'tare', 'tare')"
    done = project.run(
        IMPORTS
        + f"""
@pytest.mark.trio
async def test_of_trio(seemachine_async_fleet):
    {asked}

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_of_asyncio(seemachine_async_fleet):
    {asked}
"""
    )
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines([f"    |     {asked}", f">       {asked}"])
    for inner in ("*/seeclient/*.py*", "*/asyncio/*.py*", "*/concurrent/*.py*"):
        done.stdout.no_fnmatch_line(inner)


def test_a_mistake_within_is_shown_whole(project):
    """It is no refusal: whoever looks for it sees where it came from."""
    done = project.run("def test_it(seemachine_key):\n    seemachine_key(expcard=1)\n")
    done.stdout.fnmatch_lines(["*/plugin/fixtures.py:*TypeError"])


def test_an_expected_failure_shows_nothing(project):
    """Only what fails is shown."""
    done = project.run(
        IMPORTS + "@pytest.mark.xfail\ndef test_it(seemachine_fleet):\n    assert False\n"
    )
    done.assert_outcomes(xfailed=1)
    done.stdout.no_fnmatch_line(LOG)


class Broken:
    """A fleet of which nothing can be told."""

    log = ({"event": "half"},)

    def summary(self):
        """Nothing."""
        raise OSError(5, "the disk is gone")


class Long(Broken):
    """A fleet with a long log, part of it of a test before."""

    log = tuple(
        {"event": f"event {number}", "timestamp": f"2026-11-29T20:00:{number:02}.5", "n": number}
        for number in range(60)
    )


def told(fleet):
    """The texts of the sections, by heading."""
    return dict(Reporter()._sections(fleet))


def test_nothing_hides_the_failure():
    """What can't be told of machines is no failure of its own."""
    assert told(Broken()) == {
        "seemachine fleet": "not known: OSError: [Errno 5] the disk is gone",
        "seemachine log": "not known: KeyError: 'timestamp'",
    }


def test_a_long_log_is_cut():
    """Its last lines are shown, and how many there are before."""
    lines = told(Long())["seemachine log"].splitlines()
    assert len(lines) == MOST_LINES + 1
    assert lines[0] == f"({60 - MOST_LINES} earlier)"
    assert lines[-1] == "20:00:59.5 event 59 n=59"

"""The marker, the options and the settings of the pytest plugin: what they choose, and refuse."""

import pytest

from seemachine.testing.plugin import marker, options

IMPORTS = """
import pytest
from seemachine import testing
"""
# What the marker itself refuses.
OF_THE_MARKER = {
    "machine=2": "has no machine=; did you mean machines=?",
    "xyz=2": f"has no xyz=; it has {', '.join(marker.WORDS)}",
    "2": "takes words, such as machines=2, not 2 alone",
    "machines='2'": ": machines= takes a number from 1, not '2'",
    "machines=True": ": machines= takes a number from 1, not True",
    "machines=0": ": machines= takes a number from 1, not 0",
    "expcards=-1": ": expcards= takes a number from 0, not -1",
    "model='5C'": ': model= takes "5c" or "xc", not \'5C\'',
    "seed=1.5": ": seed= takes a number or a text, not 1.5",
    "faults='tear'": ': faults= takes a list such as ["drop-after on=signing times=1"]',
    "processes=1": ": processes= takes True or False, not 1",
    "settings=3": ": settings= takes a dict of settings of a machine, not 3",
}
# What it lets pass, and a machine or key does not take: refused in their words.
OF_MACHINES = {
    "store='sqllite'": ": store takes one of sqlite, file, memory, not 'sqllite'",
    "settings={'retry_second': 1}": ": unknown setting retry_second; did you mean retry_seconds?",
    "lms='sha256_m24_h5', lmots='sha256_n32_w4'": "use lmots=sha256_n24_w...",
    "lms='sha256_m32_h7'": ": unknown LMS set sha256_m32_h7; one of",
    "machines=100_000": ": machines",
    "faults=['tare']": ": faults: there is no fault 'tare'; did you mean tear?",
    "latency='5d'": ": latency: there is no profile '5d'",
}


def test_the_closest_marker_wins(project):
    """A test says more than its class, a class more than its module; what none says is as usual."""
    project.passes(
        IMPORTS
        + """
pytestmark = pytest.mark.seemachine(machines=3, model="xc")

def peers(fleet):
    return [peer.greeting.model for peer in fleet.peers]

def test_module(seemachine_fleet):
    assert peers(seemachine_fleet) == ["xc", "xc", "xc"]

@pytest.mark.seemachine(machines=2)
class TestClass:
    def test_class(self, seemachine_fleet):
        assert peers(seemachine_fleet) == ["xc", "xc"]

    @pytest.mark.seemachine(model="5c", settings={"operator": "manual"})
    def test_method(self, seemachine_fleet):
        assert peers(seemachine_fleet) == ["5c", "5c"]
        assert {peer.greeting.operator for peer in seemachine_fleet.peers} == {"manual"}

    ONE = pytest.param(1, marks=pytest.mark.seemachine(machines=1))

    @pytest.mark.parametrize("count", [2, ONE])
    def test_parameter(self, seemachine_fleet, count):
        assert peers(seemachine_fleet) == ["xc"] * count
""",
        tests=5,
    )


@pytest.mark.parametrize("refused", [OF_THE_MARKER, OF_MACHINES])
def test_words_that_are_refused(project, refused):
    """A word that the marker does not have, or a value that it or a machine does not take, fails
    the test with one sentence, without a traceback.
    """
    marked = (
        f"@pytest.mark.seemachine({words})\ndef test_{number}(seemachine_key): pass\n"
        for number, words in enumerate(refused)
    )
    done = project.run(IMPORTS + "".join(marked))
    done.assert_outcomes(errors=len(refused))
    for unwanted in ("*Traceback*", "*During handling*", "*plugin/*.py*"):
        done.stdout.no_fnmatch_line(unwanted)
    told = [line for line in done.outlines if line.startswith("@pytest.mark.seemachine")]
    assert len(told) == len(refused)
    for line, what in zip(told, refused.values(), strict=True):
        assert what in line


def test_a_marker_that_comes_too_late(project):
    """A fleet of a session or module is there before a test's own marker: the test is refused, and
    told what to do. Words of keys come in time, and so does what a module says.
    """
    project.settings = "seemachine_fleet_scope = module"
    done = project.run(
        IMPORTS
        + """
pytestmark = pytest.mark.seemachine(machines=2)

@pytest.mark.seemachine(lms="sha256_m32_h5")
def test_key(seemachine_key, seemachine_fleet):
    assert len(seemachine_key().public_key) == 56
    assert len(seemachine_fleet.esns) == 2

@pytest.mark.seemachine(machines=3, model="5c")
def test_fleet(seemachine_fleet):
    pass

@pytest.mark.seemachine(machines=3)
def test_without():
    pass
"""
    )
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(
        [
            "@pytest.mark.seemachine: machines= and model= can't change the fleet of this test,"
            " which is that of its module; say it for the whole module, or set"
            " seemachine_fleet_scope = function"
        ]
    )


@pytest.mark.parametrize("scope", options.SCOPES)
def test_every_scope(project, scope):
    """A fleet lasts as long as the settings say."""
    project.settings = f"seemachine_fleet_scope = {scope}"
    done = project.run(
        """
class TestOne:
    def test_first(self, seemachine_fleet):
        print("fleet", seemachine_fleet.folder)

    def test_second(self, seemachine_fleet):
        print("fleet", seemachine_fleet.folder)

def test_third(seemachine_fleet):
    print("fleet", seemachine_fleet.folder)
""",
        "-s",
    )
    done.assert_outcomes(passed=3)
    folders = {line.split("fleet ")[1] for line in done.outlines if "fleet /" in line}
    assert len(folders) == {"function": 3, "class": 2}.get(scope, 1)


@pytest.mark.parametrize(
    ("settings", "words", "what"),
    [
        (
            "seemachine_fleet_scope = sesion",
            (),
            "seemachine_fleet_scope = sesion: it takes function, class, module, package or session",
        ),
        ("seemachine_machines = two", (), "seemachine_machines takes a number from 1, not two"),
        ("seemachine_processes = yes", (), "seemachine_processes takes True or False, not yes"),
        ("", ("--seemachine-machines", "0"), "seemachine_machines takes a number from 1, not 0"),
        ("seemachine_latency = quick", (), "seemachine_latency: there is no profile 'quick'"),
        ("", ("--seemachine-latency=chunk=x",), "seemachine_latency: chunk= takes seconds"),
    ],
)
def test_settings_that_are_refused(project, settings, words, what):
    """A run whose settings can't be followed does not begin."""
    project.settings = settings
    done = project.run("def test_it(): pass", *words)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert any(what in line for line in done.errlines)


def test_what_a_run_says_for_all(project):
    """The command line overrides the settings, and a marker both."""
    project.settings = "seemachine_machines = 3"
    source = (
        IMPORTS
        + """
def test_usual(seemachine_fleet):
    assert len(seemachine_fleet.esns) == {}

@pytest.mark.seemachine(machines=1)
def test_marked(seemachine_fleet):
    assert len(seemachine_fleet.esns) == 1
"""
    )
    project.passes(source.format(3), tests=2)
    project.passes(source.format(2), "--seemachine-machines=2", tests=2)


def test_a_seed(project):
    """Under a seed a key is the same in every run; a marker's seed is not that of the run."""
    source = """
import pytest

def test_run(seemachine_key):
    print("\\nrun", seemachine_key().public_hash)

@pytest.mark.seemachine(seed=8)
def test_marked(seemachine_key):
    print("\\nmarked", seemachine_key().public_hash)
"""

    def hashes(*words):
        found = [line.split() for line in project.run(source, "-s", *words).outlines]
        return {words[0]: words[1] for words in found if words[:1] in (["run"], ["marked"])}

    seven, again, real = hashes("--seemachine-seed=7"), hashes("--seemachine-seed=7"), hashes()
    assert seven == again
    assert len({*seven.values(), real["run"]}) == 3
    assert real["marked"] == seven["marked"]


def test_help_says_what_there_is(project):
    """`pytest --markers` and `--help` list the words, options and settings."""
    done = project.run("", "--markers")
    done.stdout.fnmatch_lines([f"@pytest.mark.{options.MARKER_HELP}"])
    words = options.MARKER_HELP.partition(")")[0].partition("(")[2]
    assert words.replace("=", "").split(", ") == list(marker.WORDS)
    shown = project.run("", "--help").stdout.str()
    for name in options.FOR_ALL:
        assert f"--seemachine-{name}={name.upper()}" in shown
        assert f"seemachine_{name} (string):" in shown
    assert "seemachine_fleet_scope (string):" in shown

"""What the client costs to start: nothing of the daemon, and no package that a short command does
not need.
"""

import subprocess
import sys

import pytest
from kit import processes

REPORT = """
import sys
{}
print(*sorted(sys.modules))
"""
HEAVY = {
    "trio",
    "structlog",
    "rich",
    "sqlite3",
    "asyncio",
    "pyhsslms",
    "hsslms",
    "ssl",
    "cryptography",
    "dilithium_py",
    # What makes these slow is the compiling of methods, which `seemachine.frozen` is for.
    "dataclasses",
    "inspect",
}
LIGHT = (
    *("frozen", "wire", "lms", "mldsa", "terminal", "printing", "world", "formats", "document"),
    "chance",
)
# Of that room, what machines have.
OF_MACHINES = {"seemachine.chance.chances", "seemachine.chance.seeding"}
RUNS = {
    "seeclient": "import seeclient",
    "the blocking client": "import seeclient.blocking",
    "pipsqueak": "import seeclient.pipsqueak",
    "a banner": "from seeclient import pipsqueak; pipsqueak.main([])",
    "a list": "from seeclient import pipsqueak; pipsqueak.main(['list', '--json'])",
    "help": "from seeclient import pipsqueak; assert pipsqueak.main(['--help']) == 0",
    "a refused ML-DSA key": (
        "from seeclient import pipsqueak; assert pipsqueak.main(['generate', 'alias=x']) == 1"
    ),
    "a refused signature": (
        "from seeclient import pipsqueak; assert pipsqueak.main(['alias=x', 'message=y']) == 1"
    ),
    "a refused generation": (
        "from seeclient import pipsqueak; assert pipsqueak.main(['generate', 'alias=x',"
        " 'algorithm=lms', 'lmscode=sha256_m32_h5', 'lmotscode=sha256_n32_w8']) == 1"
    ),
}


def modules_after(code, home):
    """The modules that are loaded once some code has run."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(code)],
        env=processes.environment(home),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("what", RUNS)
def test_the_client_loads_nothing_of_the_daemon(what, tmp_path):
    """Of seemachine only what both sides share is loaded, and no event loop, log, terminal or
    database package.
    """
    loaded = modules_after(RUNS[what], tmp_path)
    ours = {name for name in loaded if name.split(".")[0] == "seemachine"}
    assert {
        name for name in ours if name != "seemachine" and name.split(".")[1] not in LIGHT
    } == set()
    assert loaded & (HEAVY | OF_MACHINES) == set()
    assert "seeclient" in loaded


def test_the_trio_client_is_loaded_when_it_is_asked_for(tmp_path):
    """`seeclient.open_fleet` is there without an import of its own, and brings trio, but nothing of
    the daemon.
    """
    loaded = modules_after("import seeclient; seeclient.open_fleet", tmp_path)
    assert "trio" in loaded
    assert {name for name in loaded if name.startswith("seemachine.")} & {
        "seemachine.server",
        "seemachine.machine",
        "seemachine.state",
    } == set()


def test_a_misspelt_name_brings_no_trio(tmp_path):
    """A name that the package does not have is an AttributeError, found without loading
    anything.
    """
    code = "import seeclient; assert not hasattr(seeclient, 'open_flet')"
    assert "trio" not in modules_after(code, tmp_path)

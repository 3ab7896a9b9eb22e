"""The archives in dist/, installed in fresh environments: `make dist` runs this after it made them.

`$PYTHONS` names the interpreters; those that are not here are passed over. Packages come from where
those of the tests came from.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from kit.unpacking import unpack
from package.building import NO_COMPILER, ROOT

DIST = ROOT / "dist"
PYTHONS = os.environ.get("PYTHONS", "python3").split()
# Of the archive's own tests, some of each kind that need no long time.
ITS_TESTS = (
    "tests/test_info.py tests/test_documents.py tests/lms/test_lms_keys.py tests/test_testing.py"
)
SIGNS = """
import pathlib, tempfile
from seemachine import testing
with tempfile.TemporaryDirectory() as folder:
    rig = testing.Rig(pathlib.Path(folder))
    rig.start()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        key.verify(b"firmware", key.sign(b"firmware"))
"""

# The library finds the Python of this environment by itself, and the helper answers.
LISTS = """
import ctypes
from seeclient import library
class Listed(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint), ("entries", ctypes.c_void_p))
acorn = ctypes.CDLL(str(library.path_of("acorn")))
listed, why = Listed(), ctypes.c_char_p()
assert acorn.acorn_cmd_list(ctypes.byref(listed), ctypes.byref(why)) == 0, why.value
"""


def run(*words: object, **variables: str) -> str:
    """What a command that must succeed prints, with none of this tree in its environment."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CC")}
    done = subprocess.run(
        list(map(str, words)),
        cwd=variables.pop("cwd", "/"),
        env=env | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(params=PYTHONS)
def python(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The interpreter of a fresh environment of each of them."""
    found = shutil.which(request.param)
    can = found and subprocess.run([found, "-c", "import venv"], capture_output=True, check=False)
    if not can or can.returncode:
        pytest.skip(f"no {request.param} here")
    run(found, "-m", "venv", tmp_path / "env")
    return tmp_path / "env/bin/python"


def archive(pattern: str) -> Path:
    """One of those in dist/."""
    [found] = DIST.glob(pattern)
    return found


def must_work(python: Path, engine: str) -> dict[str, object]:
    """Both commands and the library, on that engine. Returns what `info` says."""
    told: dict[str, object] = json.loads(run(python.parent / "seemachine", "info", "--json"))
    assert told["engine"] == engine, told
    assert run(python.parent / "pipsqueak", "--version").startswith("pipsqueak ")
    run(python, "-c", SIGNS)
    return told


def test_the_wheel(python: Path) -> None:
    """It is installed without a compiler, and has the native engine."""
    run(python, "-m", "pip", "install", "--quiet", archive("*.whl"), CC=NO_COMPILER)
    must_work(python, "native")
    run(python, "-c", LISTS)


def test_the_page_on_installing(python: Path, tmp_path: Path) -> None:
    """Its commands, in an environment of somebody's project, with the wheel."""
    page = (ROOT / "docs/how-to/install.md").read_text()
    [commands] = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    said = run("sh", "-ec", commands, SEEMACHINE=str(archive("*.whl")), PATH=path)
    assert "PQSDK" in said
    more = run(
        "sh",
        "-ec",
        'pip install -q "$SEEMACHINE[formats,pki]"; seemachine pki --help',
        SEEMACHINE=str(archive("*.whl")),
        PATH=path,
    )
    assert "usage: seemachine pki" in more


@pytest.mark.parametrize("compiler", [True, False])
def test_the_source_archive(python: Path, compiler: bool) -> None:
    """With a compiler it becomes the native engine; without one it works all the same, and says
    why.
    """
    more = {} if compiler else {"CC": NO_COMPILER}
    words = ["install", "--quiet", "--no-cache-dir", archive("*.tar.gz")]
    run(python, "-m", "pip", *words, **more)
    told = must_work(python, "native" if compiler else "portable")
    assert compiler or NO_COMPILER in str(told["not_used"])


def test_the_source_archive_is_the_tree(tmp_path: Path) -> None:
    """All that git has is in it, and nothing else but what setuptools makes."""
    with tarfile.open(archive("*.tar.gz")) as tar:
        names = [Path(*Path(each.name).parts[1:]) for each in tar if each.isfile()]
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this tree is no clone")
    made = {"PKG-INFO", "setup.cfg"}
    found = {str(name) for name in names if name.parts[0] != "seemachine.egg-info"}
    assert found - made == set(listed.stdout.splitlines())


def test_the_source_archive_tests_itself(tmp_path: Path) -> None:
    """`make test` works in it as it does in a clone."""
    unpack(archive("*.tar.gz"), tmp_path, "data")
    [tree] = tmp_path.iterdir()
    said = run("make", "test", f"TESTS={ITS_TESTS}", "JOBS=1", cwd=str(tree), MAKEFLAGS="")
    assert " passed" in said

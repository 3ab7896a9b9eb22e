"""One mutant against its tests, in a process that was forked from one in which pytest is loaded
already.
"""

import importlib
import importlib.abc
import importlib.machinery
import os
import pkgutil
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

from mutants.rooms import ROOT, TESTS

# Loaded before the fork: no room of rooms.toml is in them.
LOADED = (
    "pytest",
    "trio",
    "pytest_trio",
    "hypothesis",
    "msgpack",
    "structlog",
    "rich",
    "pyhsslms",
    "cryptography",
    "sqlite3",
)
UNCHANGED = ("seemachine.wire", "seemachine.lms")
# Plugins are loaded too early for their own asserts to be explained, which nobody needs here.
EARLY = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
# The longest one takes four on a machine with nothing else to do, which this one may not be.
TEST_SECONDS = 180
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", EARLY)


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from other code than its file has."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name, self._code = name, code

    def find_spec(
        self, fullname: str, _path: object, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only that module; its folder, if it is a package, stays where it is."""
        if fullname != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self._code.co_filename)
        spec.has_location = True
        if self._code.co_filename.endswith("__init__.py"):
            spec.submodule_search_locations = [str(Path(self._code.co_filename).parent)]
        return spec

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """The usual one."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the other code."""
        exec(self._code, module.__dict__)


def preload() -> None:
    """What every trial needs and no mutant changes."""
    sys.path[:0] = [str(TESTS), str(ROOT), str(ROOT / "client")]
    for name in LOADED:
        importlib.import_module(name)
    for name in UNCHANGED:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(found.name)


def start(module: str, code: CodeType | None, tests: Sequence[str], folder: Path) -> int:
    """Fork a trial and return its process; `folder` is for its files.

    It ends with pytest's exit code.
    """
    child = os.fork()
    if child:
        return child
    ended = 3
    try:
        ended = _run(module, code, tests, folder)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended)


def _run(module: str, code: CodeType | None, tests: Sequence[str], folder: Path) -> int:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.chdir(ROOT)
    _say_to(folder / "output")
    if code is not None:
        sys.meta_path.insert(0, Replaced(module, code))
    _settle_hypothesis()
    import pytest

    return int(
        pytest.main(
            [*OPTIONS, "--basetemp", str(folder / "tmp"), *(str(TESTS / name) for name in tests)],
            [Watchdog()],
        )
    )


class Watchdog:
    """Breaks off a test that hangs, as where a lock is never given back: the clock of the whole
    trial is slower.
    """

    @staticmethod
    def pytest_runtest_setup() -> None:
        """Each test has so long."""
        signal.signal(signal.SIGALRM, _expire)
        signal.alarm(TEST_SECONDS)


def _expire(_number: int, _frame: object) -> None:
    raise AssertionError(f"the test did not end within {TEST_SECONDS} s")


def _say_to(output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _settle_hypothesis() -> None:
    """The same examples in each trial, and none that another one left."""
    from hypothesis import settings

    settings.register_profile("mutants", database=None, derandomize=True, deadline=None)
    settings.load_profile("mutants")

"""One process at its tests: forked from one in which everything is loaded and collected, or a fresh
one for a fault that only an import can bring in.
"""

import contextlib
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from mutants.rooms import ROOT, TESTS

# So many times as long as without a fault a test may take, and so many seconds besides: this
# machine may have something else to do.
PATIENCE, GRACE_SECONDS = 5.0, 20.0
PASSED, FAILED, UNUSABLE, EXPIRED = 0, 1, 70, 71
# Begins a line of the output.
FAILED_TEST = "FAILED "
# Hypothesis is loaded before pytest can explain its asserts, which nobody needs here.
EARLY = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
# No cache, no processes besides; the outputs of tests go where this process' do.
OPTIONS = [
    "-qq",
    "-s",
    "--no-summary",
    "--tb=native",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-W",
    EARLY,
]


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


class Watchdog:
    """A plugin that breaks off tests that hang, as where a lock is never given back."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self.expired = False

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Each test has so long."""
        signal.signal(signal.SIGALRM, self._expire)
        seconds = GRACE_SECONDS + PATIENCE * self._seconds.get(item.nodeid, GRACE_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def pytest_runtest_teardown(self) -> None:
        """What a test leaves behind may take a while."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Who failed, to the output."""
        if report.failed:
            text = f"\n{FAILED_TEST}{report.nodeid}\n{report.longreprtext}\n"
            # Not through sys.stdout, which a test may have closed.
            os.write(1, text.encode(errors="replace"))

    def _expire(self, _number: int, _frame: object) -> None:
        self.expired = True
        raise AssertionError("the test did not end")


def forked(work: Callable[[], int], folder: Path) -> int:
    """Fork a process for some work and return it; `folder` is for its files. It ends with what the
    work gives.
    """
    child = os.fork()
    if child:
        return child
    ended = UNUSABLE
    try:
        _settle(folder)
        ended = work()
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        # A test may have closed them. Whatever happens, no child goes on as its parent.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(ended)


def run(items: list[pytest.Item], watchdog: Watchdog, *, to_the_end: bool = False) -> int:
    """Run collected tests in that order, up to the first that fails."""
    session = items[0].session
    session.config.pluginmanager.register(watchdog)
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed and not to_the_end:
            return EXPIRED if watchdog.expired else FAILED
    return PASSED


def fresh(path: str, number: int, seconds: dict[str, float], folder: Path) -> int:
    """A process of its own that imports the mutant and runs tests, and needs so long for each
    without a fault.
    """
    (folder / "tests").write_text(json.dumps(seconds))
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    words = [sys.executable, "-m", "mutants.fresh", path, str(number), str(folder / "tests")]
    return forked(lambda: os.execve(sys.executable, words, environment), folder)


def settings() -> None:
    """The same examples in each trial, and none that another one left."""
    import hypothesis

    hypothesis.settings.register_profile("mutants", database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("mutants")


def collect(plugin: Any, files: list[str]) -> int:
    """Have pytest collect files and hand them to a plugin. Returns pytest's exit code."""
    os.chdir(ROOT)
    settings()
    return int(pytest.main([*OPTIONS, *(str(TESTS / name) for name in files)], [plugin]))


def _settle(folder: Path) -> None:
    """Nothing is shared with other trials: neither output, nor signals, nor folders."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _say_to(folder / "output")
    for name in ("tmp", "runtime"):
        (folder / name).mkdir(mode=0o700)
    tempfile.tempdir = str(folder / "tmp")
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")


def _say_to(output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

"""Runs of pytest within this one, as of a project that has seemachine installed."""

import textwrap

import pytest

# A run within this one loads anew what this one has not loaded, and forgets it at its end.
from seemachine.testing import BlockingFleet, no_leaf_twice, recipes  # noqa: F401
from seemachine.testing.fleets import surroundings  # noqa: F401

# This process has the plugin loaded; in one of its own pytest would find it so, too.
LOADED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
STRICT = ("-p", "no:cacheprovider", "--strict-markers", "--strict-config", "-W", "error")


class Project:
    """A project with one test file, whose settings are empty unless `settings` says others.

    Of plugins it has this one and those in `plugins`: to find what is installed takes pytest
    longer than a fleet takes.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.settings = ""
        self.plugins = ["seemachine"]

    def run(self, source: str, *words: str) -> pytest.RunResult:
        """Run pytest on it. A warning is an error, as is a marker that nobody declared."""
        # A name that no test of ours has: modules of this process are those of the run within.
        self._pytester.makepyfile(test_of_a_project=textwrap.dedent(source))
        self._pytester.makeini(f"[pytest]\n{textwrap.dedent(self.settings)}")
        named = (word for name in self.plugins for word in ("-p", name))
        return self._pytester.runpytest_inprocess(*named, *STRICT, "-W", LOADED, *words)

    def passes(self, source: str, *words: str, tests: int = 1) -> pytest.RunResult:
        """The same; all of it passes."""
        done = self.run(source, *words)
        done.assert_outcomes(passed=tests)
        return done


@pytest.fixture
def project(pytester, monkeypatch):
    """A project whose run has nothing of this run's options."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Project(pytester)

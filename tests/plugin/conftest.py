"""Runs of pytest within this one, as of a project that has seemachine installed."""

import textwrap

import pytest

# A run within this one loads anew what this one has not loaded, and forgets it at its end.
from seemachine.testing import BlockingFleet, no_leaf_twice, recipes, surroundings  # noqa: F401


class Project:
    """A project with one test file, whose settings are empty unless `settings` says others."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.settings = ""

    def run(self, source: str, *words: str) -> pytest.RunResult:
        """Run pytest on it. A warning is an error, as is a marker that nobody declared."""
        self._pytester.makepyfile(textwrap.dedent(source))
        self._pytester.makeini(f"[pytest]\n{textwrap.dedent(self.settings)}")
        strict = ("--strict-markers", "--strict-config", "-W", "error", "-p", "no:cacheprovider")
        return self._pytester.runpytest_inprocess(*strict, *words)

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
    return Project(pytester)

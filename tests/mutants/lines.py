"""Which statements of a module each test executes, also in processes that it forks.

Each statement of each function gets a mark in front of it, which sets a byte of memory that forked
processes share. Tests that trace threads themselves don't mind.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any

import pytest
from mutants.loaded import Loaded, make, source_of
from mutants.rooms import ROOT

MARKS = "__marks__"


@dataclass(frozen=True)
class Run:
    """What one test did without any fault: how long it took, and which statements, by their first
    lines, it executed of each module.
    """

    seconds: float
    passed: bool
    lines: dict[str, frozenset[int]]

    def executes(self, path: str, line: int) -> bool:
        """Whether it came to that statement."""
        return line in self.lines.get(path, ())


class Marks:
    """Bytes that say which statements were executed. Made before a fork, it is shared."""

    def __init__(self, paths: list[str]) -> None:
        self._sizes = {path: source_of(path).count("\n") + 2 for path in paths}
        self._bytes = mmap(-1, sum(self._sizes.values()) or 1)

    def put_in(self, loaded: Loaded) -> None:
        """From now on this process marks what it executes."""
        start = 0
        for path, size in self._sizes.items():
            tree = ast.parse(source_of(path))
            plain, marked = _compiled(tree, path), _compiled(_marked(tree), path)
            changes = loaded.known_changes(plain, marked)
            for function, _ in changes:
                function.__globals__[MARKS] = memoryview(self._bytes)[start : start + size]
            make(changes)
            start += size

    def taken(self) -> dict[str, list[int]]:
        """The marks since the last call."""
        found, start = {}, 0
        for path, size in self._sizes.items():
            marks = self._bytes[start : start + size]
            if any(marks):
                found[path] = [line for line, mark in enumerate(marks) if mark]
            start += size
        self._bytes[:] = bytes(len(self._bytes))
        return found


class Recorder:
    """A plugin of pytest that writes down the run of each test in a file."""

    def __init__(self, marks: Marks, output: Path) -> None:
        self._marks, self._output = marks, output
        self._runs: dict[str, dict[str, Any]] = {}
        self._seconds, self._passed = 0.0, True
        self._shared: dict[str, list[int]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Each test."""
        self._seconds, self._passed = 0.0, True
        self._marks.taken()
        result = yield
        self._runs[item.nodeid] = {
            "seconds": self._seconds,
            "passed": self._passed,
            "lines": self._marks.taken(),
        }
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """What a fixture of many tests executes, all of them need."""
        result = yield
        if fixturedef.scope != "function":
            self._shared = _both(self._shared, self._marks.taken())
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """How long it took."""
        self._seconds += report.duration
        self._passed = self._passed and not report.failed

    def write(self) -> None:
        """When all tests have run."""
        for run in self._runs.values():
            run["lines"] = _both(run["lines"], self._shared)
        self._output.write_text(json.dumps(self._runs))


def runs_of(recorded: Path) -> dict[str, Run]:
    """By test, what a recorder wrote."""
    return {
        test: Run(
            run["seconds"],
            run["passed"],
            {path: frozenset(lines) for path, lines in run["lines"].items()},
        )
        for test, run in json.loads(recorded.read_text()).items()
    }


@dataclass(frozen=True)
class Statement:
    """The first line of a statement, and that of what it does when its condition holds; 0 when it
    has none.
    """

    line: int
    body: int


def statement_at(path: str, line: int) -> Statement:
    """The innermost statement that has a line."""
    nodes = ast.walk(ast.parse(source_of(path)))
    found = max(
        (
            node
            for node in nodes
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
        ),
        key=lambda node: node.lineno,
    )
    conditional = isinstance(found, ast.If | ast.While)
    return Statement(found.lineno, found.body[0].lineno if conditional else 0)


def _both(one: dict[str, list[int]], other: dict[str, list[int]]) -> dict[str, list[int]]:
    return {path: sorted({*one.get(path, ()), *other.get(path, ())}) for path in {**one, **other}}


def _compiled(tree: ast.Module, path: str) -> Any:
    return compile(tree, str(ROOT / path), "exec")


def _marked(tree: ast.Module) -> ast.Module:
    """Only within functions: what runs at import ran before there were marks."""
    for function in list(ast.walk(tree)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in _own(function):
                for field in ("body", "orelse", "finalbody"):
                    block = getattr(node, field, None)
                    if isinstance(block, list):
                        block[:] = [each for old in block for each in (_mark(old), old)]
    return tree


def _own(function: ast.AST) -> list[ast.AST]:
    """A function and what is in it, without the functions in it, which have their turn."""
    found = [function]
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found += _own(child)
    return found


def _mark(statement: ast.stmt) -> ast.stmt:
    mark = ast.parse(f"{MARKS}[{statement.lineno}] = 1").body[0]
    for node in ast.walk(mark):
        ast.copy_location(node, statement)
    return mark

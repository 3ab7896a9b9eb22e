"""When a test fails: what its machines logged, and what they and the cards hold."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import pytest

MOST_LINES = 40
# Of the log; what else an event says follows as name=value, but for who asked: it is the test.
_HEAD = ("level", "esn", "event")
_LEFT_OUT = (*_HEAD, "timestamp", "peer")
# Of a timestamp: hours to milliseconds.
_CLOCK = slice(11, 23)
_NAME = "seemachine-report"

Node = pytest.Item | pytest.Collector


class Fleet(Protocol):
    """What is shown of a fleet; it may have ended."""

    @property
    def log(self) -> list[dict[str, Any]]:
        """What its machines logged."""

    def summary(self) -> str:
        """Its keys, leaves and cards."""


class Shown(NamedTuple):
    """A fleet, and the test, class or module that it lasts for."""

    node: Node
    fleet: Fleet


@contextmanager
def shown(node: Node, fleet: Fleet) -> Iterator[None]:
    """Show a fleet where a test of a node fails within the block.

    One of a test is shown also when the fleet has ended, as that of an async test has by then.
    """
    watched = _reporter(node.config).watched
    watched.append(Shown(node, fleet))
    yield
    if not isinstance(node, pytest.Item):
        watched.remove(Shown(node, fleet))


def _reporter(config: pytest.Config) -> "Reporter":
    """The one of this run, which has none until a test has a fleet."""
    plugins = config.pluginmanager
    found: Reporter | None = plugins.get_plugin(_NAME)
    if found is None:
        plugins.register(found := Reporter(), _NAME)
    return found


class Reporter:
    """Hooks of a run in which tests have fleets."""

    def __init__(self) -> None:
        self.watched: list[Shown] = []
        self._began = 0.0

    def pytest_runtest_logstart(self) -> None:
        """Of a fleet of several tests, what was logged before this one is not of interest."""
        self._began = time.time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add to the report of a failure; forget the fleets of a test that is over."""
        if call.excinfo is not None and not _wanted_whole(item.config):
            from seemachine.testing.plugin.traceback import shorten

            shorten(call.excinfo.value)
        report = yield
        chain = item.listchain()
        if report.failed:
            for found in self.watched:
                if found.node in chain:
                    report.sections += self._sections(found.fleet)
        if call.when == "teardown":
            self.watched = [found for found in self.watched if found.node is not item]
        return report

    def _sections(self, fleet: Fleet) -> Iterator[tuple[str, str]]:
        """A heading and a text each. Whatever goes wrong here, the test's own failure is told."""
        for what, tell in (("fleet", _summary), ("log", self._log)):
            try:
                text = tell(fleet)
            except Exception as error:  # noqa: BLE001 - see above
                text = f"not known: {type(error).__name__}: {error}"
            yield f"seemachine {what}", text

    def _log(self, fleet: Fleet) -> str:
        lines = [_line(event) for event in fleet.log if _time(event) >= self._began]
        left = len(lines) - MOST_LINES
        earlier = [f"({left} earlier)"] if left > 0 else []
        return "\n".join(earlier + lines[-MOST_LINES:]) or "(nothing)"


def _wanted_whole(config: pytest.Config) -> bool:
    """Whether a traceback is to be shown to its end, or gone through by a debugger."""
    return any(config.getoption(name, False) for name in ("fulltrace", "usepdb"))


def _summary(fleet: Fleet) -> str:
    return fleet.summary()


def _time(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def _line(event: dict[str, Any]) -> str:
    head = (str(event.get(name, "")) for name in _HEAD)
    rest = (f"{name}={value}" for name, value in event.items() if name not in _LEFT_OUT)
    return " ".join(filter(None, (event["timestamp"][_CLOCK], *head, *rest)))

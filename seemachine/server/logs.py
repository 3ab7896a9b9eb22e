"""Logging: readable on a terminal, JSON otherwise, to standard error.

One event per request; never a seed.
"""

import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from seemachine.printing import has_colors
from seemachine.server.json_log import JsonLog
from seemachine.server.line_log import LineLog
from seemachine.server.signed_leaves import described_many
from seemachine.wire.record import Record
from seemachine.wire.status import StatusError


class Log(Protocol):
    """As much of a logger as a machine uses."""

    def bind(self, **more: str) -> "Log":
        """A logger that adds `more` to every event."""

    def by(self, ahead: Callable[[], float]) -> "Log":
        """The same logger, its clock so many seconds ahead."""

    def write(self, level: str, event: str, details: Mapping[str, object]) -> None:
        """An event of a level, which is the name of one of the methods below."""

    def info(self, event: str, **details: object) -> None:
        """Something ordinary."""

    def warning(self, event: str, **details: object) -> None:
        """Something that a person should see one day."""

    def error(self, event: str, **details: object) -> None:
        """A bug."""

    def exception(self, event: str, **details: object) -> None:
        """A bug, with the exception that is being handled."""


def configure(**bound: str) -> LineLog:
    """The log of this process, with `bound` in every event."""
    if not sys.stderr.isatty():
        return JsonLog(sys.stderr.write, bound)
    from seemachine.server.terminal_log import TerminalLog

    return TerminalLog(sys.stderr.write, has_colors(os.environ), bound)


def dropped(log: LineLog, count: int) -> str:
    """The line about lines that were dropped."""
    return log.line(
        "warning", "lines dropped", {"count": count, "detail": "nobody read standard error"}
    )


def describe(request: Record, reply: Record | StatusError) -> dict[str, object]:
    """What of a request and its reply may be written down: names and numbers, no messages, no
    secrets.
    """
    shown: dict[str, Any] = described_many(request, reply)
    for source in (request, reply):
        kind: type = type(source)
        for name, attribute in _told(kind):
            shown[name] = getattr(source, attribute)
    if (file := shown.get("key")) is not None:
        shown["key"] = file.hex()
    return shown


@cache
def _told(kind: type) -> list[tuple[str, str]]:
    """The details that messages of a class have, and what they are called there."""
    names = {"key": "file", **{name: name for name in ("slot", "leaf", "remaining", "card")}}
    return [(name, attribute) for name, attribute in names.items() if hasattr(kind, attribute)]

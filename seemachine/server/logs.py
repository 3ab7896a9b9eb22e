"""Logging: readable on a terminal, JSON otherwise, to standard error.

One event per request; never a seed.
"""

import os
import sys
from collections.abc import MutableMapping
from typing import Protocol, cast

import structlog
import structlog.tracebacks

from seemachine.printing import has_colors
from seemachine.server.signed_leaves import described_many
from seemachine.wire.fields import Record
from seemachine.wire.printable import printable
from seemachine.wire.status import StatusError


class Log(Protocol):
    """As much of a logger as a machine uses."""

    def bind(self, **more: str) -> "Log":
        """A logger that adds `more` to every event."""

    def info(self, event: str, **details: object) -> None:
        """Something ordinary."""

    def warning(self, event: str, **details: object) -> None:
        """Something that a person should see one day."""

    def error(self, event: str, **details: object) -> None:
        """A bug."""

    def exception(self, event: str, **details: object) -> None:
        """A bug, with the exception that is being handled."""


def configure(**bound: str) -> Log:
    """Set up logging for this process and return the logger, with `bound` in every event."""
    terminal = sys.stderr.isatty()
    # Tracebacks without the variables of their frames: seeds and messages are among them.
    lines = structlog.dev.ConsoleRenderer(
        colors=has_colors(os.environ), exception_formatter=structlog.dev.plain_traceback
    )
    renderer = lines if terminal else structlog.processors.JSONRenderer()
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(
                fmt="%H:%M:%S" if terminal else "iso", utc=not terminal
            ),
            _printable,
            *([] if terminal else [tracebacks]),
            renderer,
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    return cast(Log, structlog.get_logger().bind(**bound))


def _printable(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> dict[str, object]:
    """Names of clients and files, and sentences that quote them, stay in their line."""
    return {
        name: printable(value) if isinstance(value, str) else value for name, value in event.items()
    }


def dropped(count: int, **bound: str) -> str:
    """After `configure`: the line about lines that were dropped, in the form of all others."""
    log = structlog.wrap_logger(structlog.ReturnLogger()).bind(**bound)
    return f"{log.warning('lines dropped', count=count, detail='nobody read standard error')}\n"


def describe(request: Record, reply: Record | StatusError) -> dict[str, object]:
    """What of a request and its reply may be written down: names and numbers, no messages, no
    secrets.
    """
    shown: dict[str, object] = described_many(request, reply)
    for source in (request, reply):
        if hasattr(source, "file"):
            shown["key"] = source.file.hex()
        for name in ("slot", "leaf", "remaining", "card"):
            if hasattr(source, name):
                shown[name] = getattr(source, name)
    return shown

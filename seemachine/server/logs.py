"""Logging: readable on a terminal, JSON otherwise, to standard error.

One event per request; never a seed.
"""

import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
import structlog.tracebacks

from seemachine.wire.printable import printable

Log = Any


def configure(**bound: str) -> Log:
    """Set up logging for this process and return the logger, with `bound` in every event."""
    terminal = sys.stderr.isatty()
    # Tracebacks without the variables of their frames: seeds and messages are among them.
    lines = structlog.dev.ConsoleRenderer(
        colors="NO_COLOR" not in os.environ, exception_formatter=structlog.dev.plain_traceback
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
    return structlog.get_logger().bind(**bound)


def _printable(_logger: Log, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Names of clients and files, and sentences that quote them, stay in their line."""
    return {
        name: printable(value) if isinstance(value, str) else value for name, value in event.items()
    }


def dropped(count: int, **bound: str) -> str:
    """After `configure`: the line about lines that were dropped, in the form of all others."""
    log = structlog.wrap_logger(structlog.ReturnLogger()).bind(**bound)
    return f"{log.warning('lines dropped', count=count, detail='nobody read standard error')}\n"


def describe(request: Any, reply: Any) -> dict[str, Any]:
    """What of a request and its reply may be written down: names and numbers, no messages, no
    secrets.
    """
    shown: dict[str, Any] = {}
    for source in (request, reply):
        if hasattr(source, "file"):
            shown["key"] = source.file.hex()
        for name in ("slot", "leaf", "remaining", "card"):
            if hasattr(source, name):
                shown[name] = getattr(source, name)
    return shown

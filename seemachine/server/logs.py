"""Logging: readable on a terminal, JSON otherwise, to standard error. One event per request; never a seed."""

import sys
from typing import Any

import structlog

Log = Any


def configure(**bound: str) -> Log:
    """Set up logging for this process and return the logger, with `bound` in every event."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
            *([] if terminal else [structlog.processors.dict_tracebacks]),
            renderer,
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger().bind(**bound)


def describe(request: Any, reply: Any) -> dict[str, Any]:
    """What of a request and its reply may be written down: names and numbers, no messages, no secrets."""
    shown: dict[str, Any] = {}
    for source in (request, reply):
        if hasattr(source, "file"):
            shown["key"] = source.file.hex()
        for name in ("slot", "leaf", "remaining", "card"):
            if hasattr(source, name):
                shown[name] = getattr(source, name)
    return shown

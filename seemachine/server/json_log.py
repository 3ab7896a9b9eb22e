"""The log as a program reads it: a JSON document a line, in the form of structlog's `JSONRenderer`.

A busy machine writes a line for each signature, so most lines are put together from the text of
their values.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from seemachine.server import tracebacks
from seemachine.server.line_log import LineLog, in_its_line, on_time
from seemachine.wire.printable import printable

# What every event has; `exc_info` becomes `exception`.
KNOWN = frozenset({"event", "level", "timestamp", "exc_info", "exception"})
_encode = json.JSONEncoder(default=repr).encode


class JsonLog(LineLog):
    """Lines with the time in UTC."""

    def __init__(
        self,
        write: Callable[[str], object],
        bound: Mapping[str, object] | None = None,
        ahead: Callable[[], float] = on_time,
    ) -> None:
        super().__init__(write, bound, ahead)
        self._head = "{" + _joined(self._bound)
        # Names that have their place already: an event that has one too is put in order first.
        self._taken = KNOWN.union(self._bound)
        self._simple = KNOWN.isdisjoint(self._bound)

    def bind(self, **more: str) -> "JsonLog":
        """See LineLog."""
        return JsonLog(self._out, {**self._bound, **more}, self._ahead)

    def by(self, ahead: Callable[[], float]) -> "JsonLog":
        """See LineLog."""
        return JsonLog(self._out, self._bound, ahead)

    def line(self, level: str, event: str, details: Mapping[str, object]) -> str:
        """See LineLog."""
        now = stamp(time.time_ns() // 1000 + round(self._ahead() * 1_000_000))
        if self._simple and self._taken.isdisjoint(details):
            end = f'"event": {_text(event)}, "level": "{level}", "timestamp": "{now}"}}\n'
            return f"{self._head}{_joined(details)}{end}"
        fields = {**self._fields(level, event, details), "timestamp": now}
        trouble = _exception(in_its_line(fields.pop("exc_info", None)))
        shown = {name: in_its_line(value) for name, value in fields.items()}
        if trouble is not None:
            shown["exception"] = tracebacks.stacks(trouble)
        return f"{_encode(shown)}\n"


def _joined(fields: Mapping[str, object]) -> str:
    values = [ENCODED.get(type(value), _any)(value) for value in fields.values()]
    return _template(tuple(fields)) % tuple(values)


@lru_cache(maxsize=256)
def _template(names: tuple[str, ...]) -> str:
    """Where the values go. Events of a kind have the same names, so there are few of them."""
    return "".join(f"{quoted(name).replace('%', '%%')}: %s, " for name in names)


@lru_cache(maxsize=1024)
def _text(value: str) -> str:
    """Commands, statuses and keys come again and again."""
    return quoted(printable(value))


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else _encode(value)


def _any(value: object) -> str:
    """As `json.dumps` does it; what it does not know, by its `repr`."""
    return _encode(in_its_line(value))


# By its very type: one that is derived from it may be another thing.
ENCODED: dict[type, Callable[[Any], str]] = {str: _text, int: repr, float: _float}


def stamp(microseconds: int) -> str:
    """A time since the epoch in the form of ISO 8601."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z" if rest else f"{_second(seconds)}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")


def _exception(given: object) -> BaseException | None:
    """What `exc_info` means: an exception, or that which is being handled."""
    return given if isinstance(given, BaseException) else sys.exception() if given else None

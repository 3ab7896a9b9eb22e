"""The log as a person reads it. Its packages take longer to import than all else that a machine
needs for its log, so this file is for terminals alone.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from structlog.dev import ConsoleRenderer, plain_traceback

from seemachine.server.line_log import LineLog, in_its_line, on_time
from seemachine.wire.printable import printable


def retold(line: str, *, colors: bool) -> str:
    """A line of a log for programs, as a person reads it. What is none stays as it is."""
    try:
        event = json.loads(line)
        level, when = event["level"], datetime.fromisoformat(event["timestamp"])
    except (ValueError, TypeError, KeyError):
        return printable(line)
    shown = {name: in_its_line(value) for name, value in event.items()}
    shown["timestamp"] = f"{when.astimezone():%H:%M:%S}"
    if stacks := shown.pop("exception", None):
        shown["exception"] = "\n".join(_stack_lines(stacks))
    return str(ConsoleRenderer(colors=colors)(None, level, shown))


def _stack_lines(stacks: Any) -> Iterator[str]:
    """Those of `tracebacks.stacks`; each exception stands after its frames."""
    for stack in stacks:
        for frame in stack["frames"]:
            yield printable(f"  {frame['filename']}:{frame['lineno']} in {frame['name']}")
        yield printable(f"{stack['exc_type']}: {stack['exc_value']}")


class TerminalLog(LineLog):
    """Lines with the time of day."""

    def __init__(
        self,
        write: Callable[[str], object],
        colors: bool,
        bound: Mapping[str, object] | None = None,
        ahead: Callable[[], float] = on_time,
    ) -> None:
        super().__init__(write, bound, ahead)
        self._colors = colors
        # Tracebacks without the variables of their frames: seeds and messages are among them.
        self._render = ConsoleRenderer(colors=colors, exception_formatter=plain_traceback)

    def bind(self, **more: str) -> "TerminalLog":
        """See LineLog."""
        return TerminalLog(self._out, self._colors, {**self._bound, **more}, self._ahead)

    def by(self, ahead: Callable[[], float]) -> "TerminalLog":
        """See LineLog."""
        return TerminalLog(self._out, self._colors, self._bound, ahead)

    def line(self, level: str, event: str, details: Mapping[str, object]) -> str:
        """See LineLog."""
        now = time.strftime("%H:%M:%S", time.localtime(time.time() + self._ahead()))
        stamped = {**self._fields(level, event, details), "timestamp": now}
        shown = {name: in_its_line(value) for name, value in stamped.items()}
        return f"{self._render(None, level, shown)}\n"

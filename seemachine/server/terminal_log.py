"""The log as a person reads it. Its packages take longer to import than all else that a machine
needs for its log, so this file is for terminals alone.
"""

import time
from collections.abc import Callable, Mapping

from structlog.dev import ConsoleRenderer, plain_traceback

from seemachine.server.line_log import LineLog, in_its_line, on_time


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

"""The log as a person reads it. Its packages take longer to import than all else that a machine
needs for its log, so this file is for terminals alone.
"""

from collections.abc import Callable, Mapping

from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import TimeStamper

from seemachine.server.line_log import LineLog, in_its_line


class TerminalLog(LineLog):
    """Lines with the time of day."""

    def __init__(
        self,
        write: Callable[[str], object],
        colors: bool,
        bound: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(write, bound)
        self._colors = colors
        self._stamp = TimeStamper(fmt="%H:%M:%S", utc=False)
        # Tracebacks without the variables of their frames: seeds and messages are among them.
        self._render = ConsoleRenderer(colors=colors, exception_formatter=plain_traceback)

    def bind(self, **more: str) -> "TerminalLog":
        """See LineLog."""
        return TerminalLog(self._out, self._colors, {**self._bound, **more})

    def line(self, level: str, event: str, details: Mapping[str, object]) -> str:
        """See LineLog."""
        stamped = self._stamp(None, level, self._fields(level, event, details))
        shown = {name: in_its_line(value) for name, value in stamped.items()}
        return f"{self._render(None, level, shown)}\n"

"""A logger whose every event is a line of text, or several."""

from collections.abc import Callable, Mapping

from seemachine.wire.printable import printable


class LineLog:
    """What is derived from it has a form of line of its own."""

    def __init__(
        self, write: Callable[[str], object], bound: Mapping[str, object] | None = None
    ) -> None:
        self._out = write
        self._bound = bound or {}

    def bind(self, **more: str) -> "LineLog":
        """A logger that adds `more` to every event."""
        raise NotImplementedError

    def info(self, event: str, **details: object) -> None:
        """Something ordinary."""
        self._out(self.line("info", event, details))

    def warning(self, event: str, **details: object) -> None:
        """Something that a person should see one day."""
        self._out(self.line("warning", event, details))

    def error(self, event: str, **details: object) -> None:
        """A bug; `exc_info` is the exception, if there is one."""
        self._out(self.line("error", event, details))

    def exception(self, event: str, **details: object) -> None:
        """A bug, with the exception that is being handled."""
        self._out(self.line("error", event, {"exc_info": True, **details}))

    def line(self, level: str, event: str, details: Mapping[str, object]) -> str:
        """What an event looks like; it ends with a newline."""
        raise NotImplementedError

    def _fields(self, level: str, event: str, details: Mapping[str, object]) -> dict[str, object]:
        return {**self._bound, **details, "event": event, "level": level}


def in_its_line(value: object) -> object:
    """Names of clients and files, and sentences that quote them, stay in their line."""
    return printable(value) if isinstance(value, str) else value

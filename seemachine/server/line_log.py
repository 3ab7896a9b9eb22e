"""Loggers: how an event is said, and how one becomes a line of text."""

from collections.abc import Callable, Mapping

from seemachine.wire.printable import printable


def on_time() -> float:
    """Of a clock that nobody moved."""
    return 0.0


class Levels:
    """The methods of a logger, over the one that does it."""

    def write(self, level: str, event: str, details: Mapping[str, object]) -> None:
        """An event of a level, which is the name of one of the methods below."""
        raise NotImplementedError

    def info(self, event: str, **details: object) -> None:
        """Something ordinary."""
        self.write("info", event, details)

    def warning(self, event: str, **details: object) -> None:
        """Something that a person should see one day."""
        self.write("warning", event, details)

    def error(self, event: str, **details: object) -> None:
        """A bug; `exc_info` is the exception, if there is one."""
        self.write("error", event, details)

    def exception(self, event: str, **details: object) -> None:
        """A bug, with the exception that is being handled."""
        self.write("exception", event, details)


class LineLog(Levels):
    """Each event is a line of text, or several. What is derived from it has a form of its own."""

    def __init__(
        self,
        write: Callable[[str], object],
        bound: Mapping[str, object] | None = None,
        ahead: Callable[[], float] = on_time,
    ) -> None:
        """Its clock is so many seconds `ahead`."""
        self._out = write
        self._bound = bound or {}
        self._ahead = ahead

    def bind(self, **more: str) -> "LineLog":
        """A logger that adds `more` to every event."""
        raise NotImplementedError

    def by(self, ahead: Callable[[], float]) -> "LineLog":
        """The same logger, its clock so many seconds ahead."""
        raise NotImplementedError

    def write(self, level: str, event: str, details: Mapping[str, object]) -> None:
        """See Levels."""
        if level == "exception":
            level, details = "error", {"exc_info": True, **details}
        self._out(self.line(level, event, details))

    def line(self, level: str, event: str, details: Mapping[str, object]) -> str:
        """What an event looks like; it ends with a newline."""
        raise NotImplementedError

    def _fields(self, level: str, event: str, details: Mapping[str, object]) -> dict[str, object]:
        return {**self._bound, **details, "event": event, "level": level}


def in_its_line(value: object) -> object:
    """Names of clients and files, and sentences that quote them, stay in their line."""
    return printable(value) if isinstance(value, str) else value

"""A logger that keeps what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any


@dataclass
class Events:
    """A logger that keeps what it is told."""

    kept: list[dict[str, Any]] = field(default_factory=list)
    bound: dict[str, Any] = field(default_factory=dict)

    def by(self, ahead: Any) -> "Events":
        """The same logger; it has no clock."""
        del ahead
        return self

    def bind(self, **more: Any) -> "Events":
        """A logger that adds `more` to every event."""
        return Events(self.kept, {**self.bound, **more})

    def _keep(self, level: str, event: str, **details: Any) -> None:
        self.kept.append({**self.bound, "level": level, "event": event, **details})

    def write(self, level: str, event: str, details: Mapping[str, Any]) -> None:
        """An event of a level."""
        self._keep(level, event, **details)

    def __getattr__(self, level: str) -> Any:
        return partial(self._keep, level)

    def named(self, event: str) -> list[dict[str, Any]]:
        """The events of one name."""
        return [kept for kept in self.kept if kept["event"] == event]

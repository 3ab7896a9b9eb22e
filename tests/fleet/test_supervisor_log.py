"""What a supervisor says, for people and for programs."""

import io
import json

import pytest

from seemachine.fleet import supervisor_log


class Screen(io.StringIO):
    """A terminal, or not one."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_a_sentence_at_a_terminal_and_json_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that a program reads has one form. Whatever is in a sentence stays in its line."""
    for terminal, shown in ((True, ["fleet: two\\nlines", "fleet: more"]), (False, None)):
        screen = Screen(terminal=terminal)
        monkeypatch.setattr("sys.stderr", screen)
        supervisor_log.info("two\nlines")
        supervisor_log.warning("more")
        lines = screen.getvalue().splitlines()
        assert lines == shown if terminal else [json.loads(line)["event"] for line in lines]
    said = [json.loads(line) for line in lines]
    assert [(each["level"], each["detail"]) for each in said] == [
        ("info", "two\nlines"),
        ("warning", "more"),
    ]
    assert [sorted(each) for each in said] == [["detail", "event", "level", "timestamp"]] * 2

"""terminal_log.py: a log for programs, told to a person."""

import json

import pytest

from seemachine.server.json_log import JsonLog
from seemachine.server.terminal_log import retold


def told(level: str, event: str, **details: object) -> str:
    """An event of a log for programs, retold without its time of day."""
    lines: list[str] = []
    JsonLog(lines.append, {"esn": "E"}).write(level, event, details)
    return retold(lines[0].rstrip("\n"), colors=False)[len("00:00:00 ") :]


def test_a_line_for_programs_is_told_to_a_person() -> None:
    """Its level and event first; names of others steer no terminal."""
    assert told("info", "ready", port=8888).split() == ["[info", "]", "ready", "esn=E", "port=8888"]
    assert "\x1b" not in told("warning", "asked \x1b[2J", peer="a\x1b[2J", names=["\x1b[2J"])


def test_an_exception_is_told_with_its_frames() -> None:
    """A line each, the exception last."""
    try:
        json.loads("{")
    except ValueError:
        first, *frames, last = told("exception", "bug").splitlines()
    assert first.split()[:3] == ["[error", "]", "bug"]
    assert __file__ in frames[0]
    assert last.startswith("JSONDecodeError: ")


@pytest.mark.parametrize("line", ["no JSON \x1b[2J", "[]", "3", '{"level": "info"}'])
def test_other_lines_stay_as_they_are(line: str) -> None:
    """But for what a terminal obeys."""
    assert retold(line, colors=True) == line.replace("\x1b", "\\x1b")

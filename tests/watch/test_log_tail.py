"""log_tail.py: the requests that a fleet logs."""

import json

import pytest

from seemachine.testing import ESN
from seemachine.watch import log_tail
from seemachine.watch.log_tail import LogTail
from seemachine.watch.looks import Asked


def line(command="nvmemfile_sign", status="OK", **more):
    """As a machine writes it."""
    given = {"esn": ESN, "peer": "unix:1", "command": command, "status": status, "seconds": 0.5}
    return json.dumps({**given, "event": "request", "level": "info", **more}) + "\n"


SIGNED = Asked(ESN, "nvmemfile_sign", "OK", 0.5)


@pytest.fixture
def path(tmp_path):
    """A log in which something is already."""
    made = tmp_path / "log"
    made.write_text(line())
    return made


def add(path, text):
    """More of it."""
    with path.open("a") as log:
        log.write(text)


def test_what_was_logged_since_the_last_time(path):
    """What was there before is not read; half a line waits for its end."""
    tail = LogTail(path)
    assert tail.read() == []
    add(path, line() + line()[:20])
    assert tail.read() == [SIGNED]
    add(path, line()[20:])
    assert tail.read() == [SIGNED]
    assert tail.read() == []


def test_looks_and_other_events_are_passed_over(path):
    """Whoever watches looks himself; a refused look is told. What is no line of ours is none."""
    tail = LogTail(path)
    tail.read()
    refused = Asked(ESN, "slot_list", "AccessDenied", 0.5)
    add(
        path,
        line("hello") + line("nvmemfile_info", "NotAvailable") + line("slot_list", "AccessDenied"),
    )
    add(path, '{"event": "request"}\n{"event": "ready", "x": "request"}\n"request"\n[{\n\n')
    add(path, line(esn=5) + line(seconds="x") + line(event="other") + line())
    assert tail.read() == [refused, SIGNED]


def test_another_log_in_its_place_is_read_from_its_beginning(path):
    """Also one that was made empty, and none at all."""
    tail = LogTail(path)
    tail.read()
    path.rename(path.with_name("old"))
    assert tail.read() is None
    path.write_text(line())
    assert tail.read() == []
    add(path, line() * 3)
    assert tail.read() == [SIGNED] * 3
    path.write_text(line())
    assert tail.read() == [SIGNED]


def test_of_a_flood_the_end_is_read(path, monkeypatch):
    """A watch does not fall behind for good."""
    monkeypatch.setattr(log_tail, "MOST_BYTES", 3 * len(line()) + 10)
    tail = LogTail(path)
    tail.read()
    add(path, line() * 100)
    assert tail.read() == [SIGNED] * 3

"""json_log.py: the same lines as structlog's renderer makes, whatever is in them."""

import datetime as dt
import enum
import itertools
import json
import re
import sys
import traceback

import pytest
import structlog
import structlog.tracebacks
from hypothesis import given
from hypothesis import strategies as st

from seemachine.server import json_log, tracebacks
from seemachine.server.json_log import JsonLog, stamp
from seemachine.wire.printable import printable

STAMP = re.compile(r'"timestamp": "[^"]*"')
LEVELS = ["info", "warning", "error", "exception"]


class Text(str):
    """A string of another class."""

    __slots__ = ()


class Number(enum.IntEnum):
    """A number of another class."""

    ONE = 1


class Thing:
    """What JSON has no form for."""

    def __repr__(self):
        return 'a "thing"\n'


texts = st.text() | st.text(st.characters()).map(Text) | st.sampled_from(['"\\\x7f\u202e', "%s"])
single = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.binary()
    | st.sampled_from([Number.ONE, Thing(), {1, 2}, ValueError("a value")])
)
values = st.recursive(
    single, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6
)
names = st.text() | st.sampled_from(["event", "level", "timestamp", "exception", "exc_info", "%s"])
fields = st.dictionaries(names.filter(lambda name: name not in ("event", "self")), values)


def as_structlog_does(bound, level, event, details):
    """The line of structlog, by the processors that the log had when it was structlog's."""
    kept = []
    log = structlog.wrap_logger(
        structlog.WriteLogger(type("File", (), {"write": kept.append, "flush": lambda: None})),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lambda _logger, _method, event: {
                name: printable(value) if isinstance(value, str) else value
                for name, value in event.items()
            },
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    getattr(log.bind(**bound), level)(event, **details)
    return "".join(kept)


def ours(bound, level, event, details):
    """The line of JsonLog."""
    kept = []
    getattr(JsonLog(kept.append).bind(**bound), level)(event, **details)
    return "".join(kept)


def same(*event):
    """Both, but for the time."""
    line, other = ours(*event), as_structlog_does(*event)
    assert STAMP.sub("", line) == STAMP.sub("", other)
    return line


@given(
    st.dictionaries(names.filter(lambda name: name not in ("event", "self")), texts),
    st.sampled_from(LEVELS),
    texts,
    fields,
)
def test_any_event_is_the_line_that_structlog_makes(bound, level, event, details):
    """Byte for byte, whatever is bound, said and told, also under the names of ours."""
    same(bound, level, event, details)


def test_what_is_bound_to_an_event_name_stays_in_its_place():
    """A name of ours that was bound is written over where it stands."""
    line = same({"event": "x", "level": "y"}, "info", "request", {"leaf": 1})
    assert line.startswith('{"event": "request", "level": "info", "leaf": 1, "timestamp"')


@given(st.integers(0, 253_402_300_799_999_999))
def test_the_time_has_the_form_of_structlog(microseconds):
    """ISO 8601 in UTC, without a fraction at a whole second."""
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    moment = start + dt.timedelta(microseconds=microseconds)
    assert stamp(microseconds) == moment.isoformat().replace("+00:00", "Z")


def test_the_time_is_now(monkeypatch):
    """In microseconds, and the next second has another text."""
    ticks = iter([1_000_000_000, 1_999_999_999, 2_000_000_000])
    monkeypatch.setattr(json_log.time, "time_ns", lambda: next(ticks))
    kept = []
    log = JsonLog(kept.append)
    for _ in range(3):
        log.info("x")
    assert [json.loads(line)["timestamp"] for line in kept] == [
        "1970-01-01T00:00:01Z",
        "1970-01-01T00:00:01.999999Z",
        "1970-01-01T00:00:02Z",
    ]


def plain():
    """An error of its own."""
    raise ValueError("a\nvalue \u202e")


def caused():
    """One that says what it comes from."""
    try:
        plain()
    except ValueError as error:
        raise KeyError("key") from error


def meanwhile():
    """One that happened while another was handled."""
    try:
        caused()
    except KeyError:
        raise OSError(5, "disk")  # noqa: B904


def suppressed():
    """One that hides what it comes from."""
    try:
        plain()
    except ValueError:
        raise KeyError("key") from None


def noted():
    """With notes, one of which is no text."""
    error = ValueError("noted")
    error.__notes__ = ["one", 2]
    raise error


def never_raised():
    """From an exception without a traceback."""
    raise KeyError("key") from ValueError("never raised")


def deep(depth=70):
    """More frames than are told."""
    if depth == 0:
        plain()
    deep(depth - 1)


def of_source():
    """In text that is no file of ours."""
    exec(compile("1 +", "some file.py", "exec"))


def generated():
    """In a frame without a file."""
    exec("raise ValueError('in here')")


def grouped():
    """Several, one with a cause and a group in the group."""
    parts = []
    for one in (plain, caused, noted):
        try:
            one()
        except (ValueError, KeyError) as error:
            parts.append(error)
    inner = ExceptionGroup("inner", [*parts[:2], KeyError("never raised")])
    raise BaseExceptionGroup("outer", [parts[2], inner, SystemExit(3)])


def circular():
    """Two that each come from the other."""
    try:
        caused()
    except KeyError as error:
        error.__cause__.__cause__ = error
        raise


def speechless():
    """That fails to say what it is."""

    class Mute(Exception):
        """It can't."""

        def __str__(self):
            raise RuntimeError("no words")

    raise Mute


RAISED = [
    *(plain, caused, meanwhile, suppressed, noted, never_raised, deep, of_source, generated),
    *(grouped, circular, speechless),
]


@pytest.mark.parametrize("fail", RAISED)
def test_an_exception_is_told_as_structlog_does(fail):
    """Types, texts, notes, frames and origins, by each way of naming it."""
    try:
        fail()
    except BaseException as error:  # noqa: BLE001
        for level, given in itertools.product(LEVELS, [{}, {"exc_info": error}]):
            same({"esn": "e"}, level, "bug", {"command": "c", **given})
        same({}, "error", "bug", {"exc_info": True})
        told = json.loads(ours({}, "error", "bug", {"exc_info": error}))["exception"]
    assert told[0]["frames"]
    assert told[0]["frames"][0]["filename"] == __file__


def test_where_nothing_is_handled_nothing_is_told():
    """`exc_info=True` outside of an exception, and a None, add nothing."""
    for nothing in (True, None, False, "", 0, ()):
        assert "exception" not in json.loads(same({}, "error", "bug", {"exc_info": nothing}))
    assert "exception" not in json.loads(same({}, "exception", "bug", {}))


def test_a_long_traceback_keeps_both_ends():
    """And says how much is missing."""
    try:
        deep(100)
    except ValueError as error:
        [stack] = tracebacks.stacks(error)
        whole = traceback.extract_tb(sys.exc_info()[2])
    assert len(stack["frames"]) == tracebacks.MOST_FRAMES + 1
    assert [stack["frames"][0]["lineno"], stack["frames"][-1]["lineno"]] == [
        whole[0].lineno,
        whole[-1].lineno,
    ]


def test_a_bug_needs_no_module_to_be_told():
    """Where a process can open no more files, it can still say what failed."""
    before = set(sys.modules)
    try:
        grouped()
    except BaseExceptionGroup as error:
        JsonLog(len).error("bug", exc_info=error)
    assert set(sys.modules) == before

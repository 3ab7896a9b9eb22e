"""How people write faults, and what they are told when it is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples

from seemachine.faults import KINDS, Fault, FaultError, fault_of
from seemachine.faults.forms import MAX_DETAIL, MOST_COUNT, STATUSES, WORDS
from seemachine.faults.kinds import GROUPS, MOMENTS, SIGNING
from seemachine.wire.messages import MAX_FAULT
from seemachine.wire.requests import REQUESTS
from seemachine.wire.status import Status

SECONDS = st.floats(0, 1000).map(lambda value: round(value, 6))
VALUES = {
    "on": st.lists(
        st.sampled_from([each for each in REQUESTS if not each.startswith(("fault_", "hello"))]),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(tuple),
    "times": st.integers(0, MOST_COUNT),
    "after": st.integers(0, MOST_COUNT),
    "every": st.integers(1, MOST_COUNT),
    "probability": st.floats(0.001, 1).map(lambda value: round(value, 6)),
    "seed": st.from_regex(r"[A-Za-z0-9._+-]{1,64}", fullmatch=True),
    "at": SECONDS,
    "until": SECONDS.map(lambda value: value + 2000),
    "status": st.sampled_from(list(STATUSES.values())),
    "detail": st.text("abc '\"=\\ü$", min_size=1, max_size=MAX_DETAIL).map(str.strip).filter(bool),
    "moment": st.sampled_from(list(MOMENTS)),
    "card": st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
    "seconds": SECONDS,
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, object]:
    """A fault as a table."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    chosen = draw(st.sets(st.sampled_from(kind.takes))) | set(kind.needs)
    return {"kind": kind.name, **{name: draw(VALUES[name]) for name in sorted(chosen)}}


@examples(100)
@given(tables())
def test_every_form_says_the_same(table: dict[str, object]) -> None:
    """A table, the fault of it, its line and its words are one fault."""
    fault = fault_of(table)
    assert fault_of(fault) == fault_of(fault.text) == fault
    assert fault_of({"kind": fault.kind, **fault.words()}) == fault


def test_a_line_is_read() -> None:
    """Names, counts, seconds and sentences come out as what they are."""
    line = "refuse on=nvmemfile_sign,hello times=2 after=3 every=2 status=AccessDenied detail='a b'"
    assert fault_of(line) == Fault(
        "refuse",
        on=("nvmemfile_sign", "hello"),
        times=2,
        after=3,
        every=2,
        status=Status.AccessDenied,
        detail="a b",
    )


def test_a_clock_goes_back_and_forth_by_a_year() -> None:
    """Each end is in; so is a fault that is certain, or meets hello ten times."""
    assert fault_of("tear on=hello times=10").times == 10
    assert fault_of("tear probability=1") == fault_of("tear")
    for seconds in (-31622400, 31622400):
        assert fault_of(f"clock-moved seconds={seconds}").seconds == seconds


def test_words_of_the_command_line_are_read() -> None:
    """The shell has taken the quotes away."""
    assert fault_of(["refuse", "detail=come back later"]).detail == "come back later"


def test_a_restart_happens_once_unless_said_otherwise() -> None:
    """Else a machine would restart at every request, for good."""
    assert fault_of("restart").times == 1
    assert fault_of("restart times=0").times == 0
    assert fault_of(fault_of("restart times=0").text).times == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "a fault begins with its kind"),
        ("times=1", "a fault begins with its kind"),
        ("drop-afer", "did you mean drop-after?"),
        ("drop-after on=nvmemfile_sgn", "did you mean nvmemfile_sign?"),
        ("drop-after tmes=1", "did you mean times?"),
        ("drop-after seconds=1", "drop-after takes no seconds"),
        ("clock-moved on=provisionLMS", "clock-moved takes no on"),
        ("drop-after 1", "takes words such as times=1, not '1'"),
        ("drop-after times=1 times=1", "takes times= once, not twice"),
        ("drop-after kind=x", "its first word alone, here drop-after"),
        ("drop-after on=", "at least one request"),
        ("drop-after on=hello", "nobody could clear it; limit it with times=1, or up to 10"),
        ("drop-after on=hello times=11", "limit it with times=1, or up to 10"),
        ("drop-after on=fault_clear", "meets no faults, so that they can be cleared"),
        ("drop-after at=2 until=2", "until= takes seconds after those of at="),
        ("drop-after times=-1", "times= takes a whole number from 0, not '-1'"),
        ("drop-after times=1e3", "times= takes a whole number"),
        ("drop-after times=²", "times= takes a whole number"),
        ("drop-after every=0", "every= takes a whole number from 1"),
        ("drop-after probability=0", "probability= takes a number over 0 and up to 1"),
        ("drop-after probability=nan", "probability= takes a number over 0 and up to 1"),
        ("drop-after seed=", "seed= takes up to 64 letters"),
        ("delay", "delay needs seconds="),
        ("delay seconds=-1", "seconds= takes seconds from 0"),
        ("delay seconds=inf", "seconds= takes seconds from 0"),
        ("delay seconds=31622401", "seconds= takes seconds from 0"),
        ("clock-moved seconds=5 at=-1", "at= takes seconds from 0"),
        ("clock-moved seconds=-31622401", "seconds= takes seconds, such as"),
        ("refuse status=OK", "there is no status 'OK' to refuse with"),
        ("refuse status=AcessDenied", "did you mean AccessDenied?"),
        ("refuse detail='a\nb'", "detail= takes a line of 1 to 120 printable characters"),
        ("refuse detail='", "can't be read"),
        ("refuse detail=", "detail= takes a line of 1 to 120 printable characters"),
        ("card-worn card=", "card= takes the name of a card"),
    ],
)
def test_what_is_wrong_is_refused_by_name(line: str, says: str) -> None:
    """The sentence names the word, and what would be right."""
    with pytest.raises(FaultError) as refused:
        fault_of(line)
    assert says in str(refused.value)


def test_a_table_without_a_kind_is_told_of_them() -> None:
    """As a [[faults]] that was not finished."""
    with pytest.raises(FaultError, match=r"^a fault needs a kind, one of refuse, delay, "):
        fault_of({"times": 1})


@pytest.mark.parametrize(
    "table",
    [
        {"kind": 3},
        {"kind": "delay", "seconds": True},
        {"kind": "delay", "seconds": [1]},
        {"kind": "delay", "seconds": 10**400},
        {"kind": "drop-after", "times": 1.0},
        {"kind": "drop-after", "times": True},
        {"kind": "drop-after", "on": [1]},
        {"kind": "drop-after", "on": {"nvmemfile_sign": 1}},
        {"kind": "refuse", "status": 5},
        {"kind": "refuse", "detail": 5},
        {"kind": "refuse", "seed": None},
    ],
)
def test_a_table_with_other_types_is_refused(table: dict[str, object]) -> None:
    """TOML and Python have types; the wrong one is no traceback."""
    with pytest.raises(FaultError):
        fault_of(table)


def test_every_word_of_every_kind_can_be_read() -> None:
    """What a kind takes is in the table of words, with an example that it takes."""
    for kind in KINDS.values():
        for name in {*kind.takes, *kind.needs}:
            needed = {each: WORDS[each].example for each in kind.needs}
            once = {"times": 1} if "times" in kind.takes else {}
            given = {"kind": kind.name, **once, **needed, name: WORDS[name].example.strip("'")}
            assert getattr(fault_of(given), name)


def test_what_lasts_is_not_counted() -> None:
    """A clock that is moved is so all the time, so it takes no count."""
    with pytest.raises(FaultError, match="clock-moved takes no times; known are at, until, second"):
        fault_of("clock-moved seconds=5 times=1")


@pytest.mark.parametrize(
    "line", ["card-pulled moment=later", "card-worn card=", "card-torn card=a/b"]
)
def test_moments_and_cards_that_there_are_not(line: str) -> None:
    """They are refused by name."""
    with pytest.raises(FaultError, match=line.partition("=")[0].split()[1]):
        fault_of(line)


def test_the_longest_line_fits_its_field() -> None:
    """Of any kind, with every word at its longest."""
    longest: dict[str, object] = {
        "on": [each for each in REQUESTS if not each.startswith(("fault_", "hello"))],
        **dict.fromkeys(("times", "after", "every"), MOST_COUNT),
        "probability": 0.1 + 0.2,
        "seed": "s" * 64,
        "at": 0.1 + 0.2,
        "until": 1e5 + 0.1 + 0.2,
        "status": max(STATUSES, key=len),
        "detail": "'" * MAX_DETAIL,
        "seconds": 1e5 + 0.1 + 0.2,
        "moment": "written",
        "card": "c" * 64,
    }
    for kind in KINDS.values():
        fault = fault_of({"kind": kind.name, **{name: longest[name] for name in kind.takes}})
        assert len(fault.text) <= MAX_FAULT
        assert fault_of(fault.text) == fault


def test_groups_are_of_requests_that_there_are() -> None:
    """Each name of a group is that of a request, and no group has the name of one."""
    assert {name for names in GROUPS.values() for name in names} <= {*REQUESTS}
    assert not {*GROUPS} & {*REQUESTS}
    fault = fault_of("tear on=signing,provisionLMS")
    assert all(map(fault.is_on, (*GROUPS[SIGNING], "provisionLMS")))
    assert not fault.is_on("nvmemfile_info")

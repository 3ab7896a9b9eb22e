"""The tool that breaks rooms: its faults are the ones that it names, its lists are true, and what
it tells is right.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from mutants.operators import sites
from mutants.rooms import HERE, ORDER, ORDERS, ROOT, TESTS, all_rooms, mutants_of, sample
from mutants.run import accepted, tell
from mutants.trials import Verdict

ROOMS = all_rooms()
# A source, and what it becomes.
FAULTS = [
    ("without", "with self._lock:\n    a()", "a()"),
    ("guard", "def f():\n    if a:\n        raise B", "def f():\n    if False:\n        raise B"),
    ("if", "def f():\n    if a:\n        b()", "def f():\n    if False:\n        b()"),
    ("drop", "flush(a)", "pass"),
    ("drop", "self.a = b", "pass"),
    ("drop", "a[b] += c", "pass"),
    ("drop", "del a[b]", "pass"),
    ("flip", "a < b", "a <= b"),
    ("flip", "a is None", "a is not None"),
    ("flip", "a in b", "a not in b"),
    ("flip 1", "a <= b < c", "a < b < c"),
    ("flip 2", "a <= b < c", "a <= b <= c"),
    ("not", "not a", "a"),
    ("and/or", "a and b", "a or b"),
    ("off by one", "a + 1", "a"),
    ("off by one", "a - 1", "a"),
    ("off by one", "MOST = 64", "MOST = 65"),
]


@pytest.mark.parametrize(
    ("operator", "source", "expected"), FAULTS, ids=lambda text: text.splitlines()[0]
)
def test_each_fault(operator: str, source: str, expected: str) -> None:
    """One place changes, and what it changes to compiles."""
    tree = ast.parse(source)
    [site] = [each for each in sites(tree) if each.operator == operator]
    site.apply()
    assert ast.unparse(ast.fix_missing_locations(tree)) == expected
    compile(tree, "there", "exec")


@pytest.mark.parametrize(
    "source",
    [
        "with a as b:\n    pass",
        "a = b",
        "del a, b",
        "def __init__(self):\n    self.a = b",
        "raise A(f'{b + 1}' if c < d else e)",
        "return_ = [a]",
        "a + 2",
    ],
)
def test_what_is_no_fault(source: str) -> None:
    """A local name, the making of an object, the words of a message: each is missed at once, or by
    nobody.
    """
    assert sites(ast.parse(source)) == []


def test_statements_trade_places() -> None:
    """In functions that are named, where neither needs the other and both do something."""
    tree = ast.parse(
        "def f():\n    a()\n    b = c()\n    d(b)\n    return e()\ndef g():\n    a()\n    b()"
    )
    swaps = [site for site in sites(tree, re.compile("f")) if site.operator == "swap"]
    assert [site.text for site in swaps] == ["a() / b = c()"]
    swaps[0].apply()
    assert ast.unparse(tree.body[0]).splitlines()[1:3] == ["    b = c()", "    a()"]


def test_every_order_is_tried() -> None:
    """Of each row of the table in docs/explanation/architecture.md; a function that was renamed
    has none.
    """
    tried = {
        path.removeprefix("seemachine/").removeprefix("client/"): path
        for room in ROOMS
        for path in room.tests
    }
    rows = ORDER.findall(ORDERS.read_text())
    assert len(rows) >= 15
    for file, function in rows:
        if file in tried:
            swaps = [
                mutant.scope for mutant in mutants_of("", tried[file]) if mutant.operator == "swap"
            ]
            assert any(not function or scope.endswith(function) for scope in swaps), (
                file,
                function,
            )


def test_the_rooms_are_there() -> None:
    """Each pattern of rooms.toml finds something, each line is of a module that is there, and no
    module has two rooms.
    """
    paths = [path for room in ROOMS for path in room.tests]
    assert len(paths) == len(set(paths))
    for table in tomllib.loads((HERE / "rooms.toml").read_text()).values():
        assert all(list(ROOT.glob(pattern)) for pattern in table["modules"])
        lines = table.get("own", {}) | table.get("also", {})
        for patterns in (table["tests"], *lines.values()):
            assert all(list(TESTS.glob(pattern)) for pattern in patterns), patterns
        assert lines.keys() <= {Path(path).stem for path in paths}


def test_who_is_accepted_exists() -> None:
    """A reason for each, and the mutant as it is named today."""
    for path, reasons in accepted().items():
        assert set(reasons) <= {mutant.name for mutant in mutants_of("", path)}
        assert all(len(reason) > 10 for reason in reasons.values())


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    """And another one for another seed; no mutant is in it twice. All of them come in no order, so
    that the first ones say something about the rest.
    """
    mutants = ROOMS[0].mutants()
    some = sample(mutants, 20, 1)
    assert some == sample(mutants, 20, 1) != sample(mutants, 20, 2)
    assert some == sample(mutants, 40, 1)[:20]
    assert len(set(some)) == 20
    everything = sample(mutants, 0, 1)
    assert everything != mutants
    assert set(everything) == set(mutants)


def test_what_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Shares by room, survivors with their places; one without a reason, or too many, and the run
    fails.
    """
    mutants = ROOMS[0].mutants()[:20]
    verdicts = dict.fromkeys(mutants, Verdict.KILLED)
    assert tell(mutants, verdicts, {})
    verdicts[mutants[0]], verdicts[mutants[1]] = Verdict.SURVIVED, Verdict.TIMED_OUT
    assert not tell(mutants, verdicts, {})
    assert tell(mutants, verdicts, {mutants[0].path: {mutants[0].name: "a good reason"}})
    verdicts[mutants[2]] = Verdict.SURVIVED
    assert not tell(
        mutants, verdicts, {each.path: {each.name: "a good reason"} for each in mutants[:3]}
    )
    said = capsys.readouterr().out
    assert "state: 19 killed, 1 of them by the clock, 1 survived: 95.0 %" in said
    assert f"survived: {mutants[0]} (accepted: a good reason)" in said

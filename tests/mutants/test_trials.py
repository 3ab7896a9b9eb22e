"""How mutants meet their tests: only those that come to its line, in a process where everything is
loaded, and a verdict stays.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

from mutants.choosing import Choice
from mutants.desk import brief
from mutants.lines import Marks, Run, statement_at
from mutants.loaded import Loaded, make, source_of
from mutants.rooms import TESTS, Mutant, code_of, mutants_of, plain_code
from mutants.run import Results
from mutants.trials import Verdict

from seemachine.state import records

PATH, OTHER = "seemachine/state/records.py", "seemachine/state/disk/checksummed.py"
MUTANTS = mutants_of("state", PATH)
[GUARD] = [each for each in MUTANTS if "[flip 2] 0 <= self.first" in each.name]
[CONSTANT] = [each for each in mutants_of("", OTHER) if "off by one] CHECKSUM" in each.name]
[CONSTANT_HERE] = [each for each in MUTANTS if "off by one] MAX_SIGNER" in each.name]
OWN, ALIEN = "state/test_state_records.py", "state/test_state_encryption.py"
TRIALS = """
import pathlib, sys
from mutants.run import Results, at_a_desk
from mutants.rooms import mutants_of
folder, path, name, *tests = sys.argv[1:]
mutants = [each for each in mutants_of("", path) if each.name == name]
def work(desk):
    desk.record()
    [each] = mutants
    print("MUTANT", len(desk.choice.of(each)), len(desk.runs))
    for ended in desk.try_out(mutants):
        print("MUTANT", ended.verdict.value)
        assert list(desk.choice.of(each))[:1] == ended.failed or not ended.failed
    assert not desk.left(each)
    for ended in desk.try_out(mutants, harmless=True):
        print("MUTANT", ended.verdict.value)
at_a_desk({path: tests}, [path], 1, Results(pathlib.Path(folder)), work)
"""


def tried(folder: Path, mutant: Mutant, tests: str) -> tuple[int, int, list[str]]:
    """How many tests of a file are chosen for a mutant, of how many; and what they say to it and to
    no fault at all.
    """
    run = subprocess.run(
        [sys.executable, "-c", TRIALS, str(folder), mutant.path, mutant.name, tests],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not run.returncode, run.stdout + run.stderr
    [[few, all_of_them], *verdicts] = [
        line.split()[1:] for line in run.stdout.splitlines() if line.startswith("MUTANT")
    ]
    return int(few), int(all_of_them), [verdict for [verdict] in verdicts]


def test_its_own_tests_kill_it(tmp_path: Path) -> None:
    """A limit that is one off fails one of those that come to it; without the fault they pass."""
    few, all_of_them, verdicts = tried(tmp_path, GUARD, OWN)
    assert 0 < few < all_of_them
    assert verdicts == ["killed", "survived"]


def test_other_tests_do_not(tmp_path: Path) -> None:
    """Where none comes to its line, all are run."""
    few, all_of_them, verdicts = tried(tmp_path, GUARD, ALIEN)
    assert few == all_of_them
    assert verdicts == ["survived", "survived"]


def test_a_fault_of_an_import(tmp_path: Path) -> None:
    """A constant meets all tests that come to its module, in a process that imports it."""
    few, all_of_them, verdicts = tried(tmp_path, CONSTANT, OWN)
    assert 0 < few < all_of_them
    assert verdicts == ["killed", "survived"]


CLOSING = """
import os, pathlib, sys
from types import SimpleNamespace
from mutants.trial import Watchdog, forked
def work():
    sys.stdout.close()
    failed = SimpleNamespace(failed=True, nodeid="tests/a::b", longreprtext="because")
    Watchdog({}).pytest_runtest_logreport(failed)
    return 7
child = forked(work, pathlib.Path(sys.argv[1]))
print("the parent, of", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_trial_whose_test_closed_the_output_ends(tmp_path: Path) -> None:
    """With what its work gives, and with what failed in its own output; it never goes on as its
    parent.
    """
    done = subprocess.run(
        [sys.executable, "-c", CLOSING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("the parent, of 7\n", "")
    assert "FAILED tests/a::b\nbecause\n" in (tmp_path / "output").read_text()


def test_brief_tests_come_first() -> None:
    """Those of a few seconds together; one that takes longer is alone."""
    seconds = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 8.0}
    assert list(brief(seconds)) == ["a", "b", "c"]
    assert brief({"d": 80.0, "e": 90.0}) == {"d": 80.0}


def test_functions_change_in_place() -> None:
    """For everybody who has them already; what runs at import doesn't."""
    loaded = Loaded([PATH])
    [(function, code)] = loaded.changes(plain_code(PATH), code_of(GUARD)) or []
    assert function is records.StoredLease.problem.fget
    assert code.co_code != function.__code__.co_code
    assert loaded.changes(plain_code(PATH), plain_code(PATH)) == []
    assert Loaded([OTHER]).changes(plain_code(OTHER), code_of(CONSTANT)) is None


def test_what_is_executed_is_marked() -> None:
    """Also by a process that is forked; each mark is taken once."""
    loaded, marks = Loaded([PATH]), Marks([PATH])
    [lease_values] = [
        node
        for node in ast.walk(ast.parse(source_of(PATH)))
        if isinstance(node, ast.FunctionDef) and node.name == "lease_values"
    ]
    before = records.lease_values.__code__
    functions = [(each, each.__code__) for each in loaded.known(PATH)]
    try:
        marks.put_in(loaded)
        assert records.lease_values.__code__ is not before
        child = os.fork()
        if not child:
            try:
                records.lease_values(records.StoredLease.__new__(records.StoredLease))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        [(path, lines)] = marks.taken().items()
        assert path == PATH
        assert lease_values.body[1].lineno in lines
        assert marks.taken() == {}
    finally:
        make(functions)


def test_the_statement_of_a_line() -> None:
    """The innermost one, from its first line."""
    tree = ast.parse(source_of(PATH))
    long = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Return | ast.Raise) and (node.end_lineno or 0) > node.lineno
    ]
    assert long
    assert all(statement_at(PATH, node.end_lineno or 0).line == node.lineno for node in long)


def test_a_run_is_resumed(tmp_path: Path) -> None:
    """Verdicts are found again by another run; the last one of a mutant counts."""
    results = Results(tmp_path / "new")
    assert results.verdicts(MUTANTS) == {}
    results.add(GUARD, Verdict.SURVIVED)
    results.add(CONSTANT, Verdict.TIMED_OUT)
    results.add(GUARD, Verdict.KILLED, ["a test", "another"])
    assert Results(tmp_path / "new").verdicts([*MUTANTS, CONSTANT]) == {
        GUARD: Verdict.KILLED,
        CONSTANT: Verdict.TIMED_OUT,
    }
    assert Results(tmp_path / "new").killers(MUTANTS) == [(GUARD, "a test")]


def test_who_meets_a_mutant() -> None:
    """A condition that is never met: the tests in which it is met. Others: those that come to the
    line, first who killed another one there.
    """
    [never] = [each for each in MUTANTS if "NvramFile.__post_init__ [guard]" in each.name]
    [flipped, _] = [each for each in MUTANTS if "NvramFile.__post_init__ [flip" in each.name]
    line = statement_at(PATH, never.line)
    runs = {
        "tests/a::quick": Run(0.1, True, {PATH: frozenset([line.line])}),
        "tests/a::slow": Run(9.0, True, {PATH: frozenset([line.line, line.body])}),
        "tests/a::failed": Run(0.1, False, {PATH: frozenset([line.line, line.body])}),
        "tests/a::elsewhere": Run(0.1, True, {}),
        "tests/b::alien": Run(0.1, True, {PATH: frozenset([line.line, line.body])}),
        "tests/a::middle": Run(0.5, True, {PATH: frozenset([line.line])}),
    }
    choice = Choice({PATH: ["a"]}, runs)

    assert choice.comes_to_line(never)
    assert not choice.comes_to_line(CONSTANT_HERE)
    assert list(choice.of(never)) == ["tests/a::slow"]
    assert list(choice.of(flipped)) == ["tests/a::slow", "tests/a::quick", "tests/a::middle"]
    choice.learn(never, "tests/a::middle")
    assert list(choice.of(flipped)) == ["tests/a::middle", "tests/a::slow", "tests/a::quick"]
    assert next(iter(choice.of(CONSTANT_HERE))) == "tests/a::middle"


def test_cases_of_one_test_come_later() -> None:
    """One case of each test is tried before the others."""
    seconds = {"a::one[1]": 0.3, "a::one[2]": 0.1, "a::one[3]": 0.2, "a::two": 0.5}
    runs = {
        name: Run(each, True, {PATH: frozenset([GUARD.line])}) for name, each in seconds.items()
    }

    assert list(Choice({PATH: ["a"]}, runs).of(GUARD)) == [
        "a::one[2]",
        "a::two",
        "a::one[3]",
        "a::one[1]",
    ]

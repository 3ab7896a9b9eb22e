"""Which tests meet a mutant, and in which order: those come first that are likely to kill it."""

from collections import Counter

from mutants.lines import Run, Statement, statement_at
from mutants.rooms import Mutant

# How long each test takes, in the order in which they run.
Seconds = dict[str, float]
# Beside what a test takes itself: a short one is not so much better than a very short one.
FIXED_SECONDS = 0.05


class Choice:
    """`tests` are the files of tests of each module, `runs` are the runs of all tests."""

    def __init__(self, tests: dict[str, list[str]], runs: dict[str, Run]) -> None:
        self._tests, self._runs = tests, runs
        # How many mutants of a module, and of a function, each test killed.
        self._kills: Counter[tuple[str, str]] = Counter()
        self._kills_within: Counter[tuple[str, str, str]] = Counter()

    def learn(self, mutant: Mutant, test: str) -> None:
        """A test killed a mutant: it may well kill the next one there."""
        self._kills[mutant.path, test] += 1
        self._kills_within[mutant.path, mutant.scope, test] += 1

    def of(self, mutant: Mutant) -> Seconds:
        """The tests to run against a mutant, and how long each takes: those that come to its line.

        If none does, as when it runs at import: those that come to any of its module; else all.
        """
        statement = statement_at(mutant.path, mutant.line)
        found = self._found(mutant, statement)
        firsts = _one_of_each(found)
        ordered = sorted(
            found,
            key=lambda name: (
                *self._likely(mutant, statement, name),
                name not in firsts,
                *self._cheap(mutant, name),
            ),
        )
        return {name: found[name].seconds for name in ordered}

    def comes_to_line(self, mutant: Mutant) -> bool:
        """Whether any test does. What runs only at import does nothing when it is changed later."""
        line = statement_at(mutant.path, mutant.line).line
        return any(run.executes(mutant.path, line) for run in self._runs.values())

    def _found(self, mutant: Mutant, statement: Statement) -> dict[str, Run]:
        path, files = mutant.path, set(self._tests[mutant.path])
        known = {
            name: run for name, run in self._runs.items() if run.passed and file_of(name) in files
        }
        to_line = {name: run for name, run in known.items() if run.executes(path, statement.line)}
        if to_line and mutant.operator in ("guard", "if"):
            # A condition that is never met makes a difference where it is met.
            to_body = {
                name: run for name, run in to_line.items() if run.executes(path, statement.body)
            }
            return to_body or dict(list(to_line.items())[:1])
        return to_line or {name: run for name, run in known.items() if path in run.lines} or known

    def _likely(self, mutant: Mutant, statement: Statement, name: str) -> tuple[bool, ...]:
        run = self._runs[name]
        return (
            not self._kills_within[mutant.path, mutant.scope, name],
            # What a lock is for, only two at once can see.
            mutant.operator == "without" and "interleavings" not in name,
            bool(statement.body) and not run.executes(mutant.path, statement.body),
        )

    def _cheap(self, mutant: Mutant, name: str) -> tuple[float, ...]:
        seconds = self._runs[name].seconds
        return -self._kills[mutant.path, name] / (FIXED_SECONDS + seconds), seconds


def _one_of_each(runs: dict[str, Run]) -> set[str]:
    """The quickest case of each test: the others mostly say the same."""
    found: dict[str, str] = {}
    for name in sorted(runs, key=lambda name: runs[name].seconds):
        found.setdefault(name.partition("[")[0], name)
    return set(found.values())


def file_of(test: str) -> str:
    """The file of a test, below the folder of tests."""
    return test.partition("::")[0].removeprefix("tests/")

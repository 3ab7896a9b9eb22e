"""Many trials at once, each with a limit of time."""

import contextlib
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from mutants import trial
from mutants.rooms import Mutant, code_of, module_name

# A trial may take so many times as long as the same tests without a fault, and so many seconds
# besides.
PATIENCE, GRACE_SECONDS = 5, 20
SURVIVED, BROKEN_TESTS = 0, (4, 5)


class Verdict(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "killed by the clock"
    SURVIVED = "survived"


@dataclass
class Trial:
    """A process at work on a mutant, or on the tests alone."""

    mutant: Mutant | None
    process: int
    folder: Path
    deadline: float
    began: float = field(default_factory=time.monotonic)
    code: int | None = None

    def end(self) -> None:
        """Collect it; past its deadline it is killed with all that it started."""
        late = time.monotonic() >= self.deadline
        if late:
            os.kill(self.process, signal.SIGKILL)
        _, status = os.waitpid(self.process, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process, signal.SIGKILL)
        self.code = None if late else os.waitstatus_to_exitcode(status)

    @property
    def verdict(self) -> Verdict:
        """By pytest's exit code. Raises RuntimeError when there were no tests to run."""
        if self.code in BROKEN_TESTS:
            raise RuntimeError(f"{self.mutant}: pytest could not be used: {self.output}")
        if self.code == SURVIVED:
            return Verdict.SURVIVED
        return Verdict.TIMED_OUT if self.code is None else Verdict.KILLED

    @property
    def output(self) -> str:
        """What pytest said."""
        return (self.folder / "output").read_text(errors="replace")


class Bench:
    """Runs trials on `jobs` processors."""

    def __init__(self, jobs: int, tests: dict[str, list[str]]) -> None:
        self._jobs, self._tests = jobs, tests
        self._seconds: dict[tuple[str, ...], float] = {}
        self._running: list[Trial] = []
        self._folder = Path(tempfile.mkdtemp(prefix="mutants-"))

    def close(self) -> None:
        """End trials that are under way, and remove what all of them left."""
        for each in self._running:
            each.deadline = 0
            each.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def measure(self, path: str) -> None:
        """How long the tests of a module take without a fault.

        Raises RuntimeError when they fail: then no mutant says anything.
        """
        tests = tuple(self._tests[path])
        if tests not in self._seconds:
            begun = self._begin(None, path, 3600)
            begun.end()
            if begun.code != SURVIVED:
                raise RuntimeError(f"without any fault the tests of {path} fail:\n{begun.output}")
            self._seconds[tests] = time.monotonic() - begun.began
            shutil.rmtree(begun.folder, ignore_errors=True)

    def run(self, mutants: list[Mutant]) -> Iterator[tuple[Mutant, Verdict, str]]:
        """The verdicts as they come, each with what pytest said."""
        waiting, running = list(reversed(mutants)), self._running
        while waiting or running:
            while waiting and len(running) < self._jobs:
                mutant = waiting.pop()
                self.measure(mutant.path)
                seconds = self._seconds[tuple(self._tests[mutant.path])]
                running.append(self._begin(mutant, mutant.path, GRACE_SECONDS + PATIENCE * seconds))
            ended = _first_to_end(running)
            running.remove(ended)
            ended.end()
            assert ended.mutant is not None
            yield ended.mutant, ended.verdict, ended.output
            shutil.rmtree(ended.folder, ignore_errors=True)

    def _begin(self, mutant: Mutant | None, path: str, seconds: float) -> Trial:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        code = code_of(mutant) if mutant is not None else None
        process = trial.start(module_name(path), code, self._tests[path], folder)
        return Trial(mutant, process, folder, time.monotonic() + seconds)


def _first_to_end(running: list[Trial]) -> Trial:
    """The first that has ended or is out of time."""
    descriptors = {os.pidfd_open(each.process): each for each in running}
    try:
        left = min(each.deadline for each in running) - time.monotonic()
        ended, _, _ = select.select(list(descriptors), [], [], max(0.0, left))
        return descriptors[ended[0]] if ended else min(running, key=lambda each: each.deadline)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)

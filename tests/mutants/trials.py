"""Many trials at once, each with a limit of time."""

import contextlib
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

from mutants import trial
from mutants.trial import FAILED_TEST as FAILED

Subject = TypeVar("Subject")


class Verdict(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "killed by the clock"
    SURVIVED = "survived"


@dataclass
class Trial(Generic[Subject]):
    """A process at work on something."""

    subject: Subject
    process: int
    folder: Path
    deadline: float
    code: int | None = field(default=None, init=False)

    def end(self) -> None:
        """Collect it; past its deadline it is killed. So is all that it started."""
        late = time.monotonic() >= self.deadline
        if late:
            os.kill(self.process, signal.SIGKILL)
        _, status = os.waitpid(self.process, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process, signal.SIGKILL)
        self.code = trial.EXPIRED if late else os.waitstatus_to_exitcode(status)

    @property
    def verdict(self) -> Verdict:
        """By its exit code; where a fault ends the process itself, it is noticed, too.

        Raises RuntimeError when the tests could not be run.
        """
        if self.code == trial.UNUSABLE:
            raise RuntimeError(f"{self.subject}: {self.output}")
        if self.code == trial.PASSED:
            return Verdict.SURVIVED
        return Verdict.TIMED_OUT if self.code == trial.EXPIRED else Verdict.KILLED

    @property
    def output(self) -> str:
        """What it said."""
        return (self.folder / "output").read_text(errors="replace")

    @property
    def failed(self) -> list[str]:
        """The tests that failed."""
        lines = self.output.splitlines()
        return [line.removeprefix(FAILED) for line in lines if line.startswith(FAILED)]


# Starts a trial of a subject with its files in a folder; gives the process, and how many seconds
# it has.
Start = Callable[[Subject, Path], tuple[int, float]]


class Bench:
    """Runs trials on `jobs` processors."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._running: list[Trial] = []  # type: ignore[type-arg]
        self._folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self._begun = 0

    def close(self) -> None:
        """End trials that are under way, and remove what all of them left."""
        for each in self._running:
            each.deadline = 0
            each.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, subjects: list[Subject], start: Start[Subject]) -> Iterator[Trial[Subject]]:
        """The trials as they end. What is in the folder of each is gone when the next one comes."""
        waiting, running = list(reversed(subjects)), self._running
        while waiting or running:
            while waiting and len(running) < self._jobs:
                running.append(self._begin(waiting.pop(), start))
            ended = _first_to_end(running)
            running.remove(ended)
            ended.end()
            yield ended
            shutil.rmtree(ended.folder, ignore_errors=True)

    def _begin(self, subject: Subject, start: Start[Subject]) -> Trial[Subject]:
        self._begun += 1
        folder = self._folder / str(self._begun)
        folder.mkdir()
        process, seconds = start(subject, folder)
        return Trial(subject, process, folder, time.monotonic() + seconds)


def _first_to_end(running: list[Trial[Subject]]) -> Trial[Subject]:
    """The first that has ended or is out of time."""
    descriptors = {os.pidfd_open(each.process): each for each in running}
    try:
        left = min(each.deadline for each in running) - time.monotonic()
        ended, _, _ = select.select(list(descriptors), [], [], max(0.0, left))
        return descriptors[ended[0]] if ended else min(running, key=lambda each: each.deadline)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)

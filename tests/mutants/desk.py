"""Where every test is collected, once: from here trials are forked. First each file of tests runs
without a fault, and what it executes is written down; then each mutant meets the tests that are
chosen for it.
"""

import gc
import hashlib
import importlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path

import pytest
from mutants import trial
from mutants.choosing import Choice, Seconds
from mutants.lines import Marks, Recorder, Run, runs_of
from mutants.loaded import Change, Loaded, make
from mutants.rooms import ROOT, TESTS, Mutant, code_of, module_name, plain_code
from mutants.trial import Watchdog
from mutants.trials import Bench, Trial

# All tests of one file.
RECORDING_SECONDS = 3600.0
BRIEF_SECONDS = 6.0


class Records:
    """What was written down of files of tests, in a folder: what each test executes of modules."""

    def __init__(self, folder: Path, modules: list[str]) -> None:
        self.folder, self.modules = folder, modules

    def path(self, file: str) -> Path:
        """Where it is: another place when the file changes, or one of the modules."""
        together = hashlib.sha256((TESTS / file).read_bytes())
        for module in self.modules:
            together.update((ROOT / module).read_bytes())
        return self.folder / f"{Path(file).stem}-{together.hexdigest()[:16]}.json"


class Desk:
    """A plugin of pytest. `tests` are the files of tests of each module, `records` is what was
    written down of them, `work` is done when everything is collected.
    """

    def __init__(
        self,
        bench: Bench,
        tests: dict[str, list[str]],
        records: Records,
        work: Callable[["Desk"], None],
    ) -> None:
        self._bench, self._tests, self._records, self._work = bench, tests, records, work
        self._items: dict[str, pytest.Item] = {}
        self.runs: dict[str, Run] = {}
        self.choice = Choice(tests, self.runs)
        self._met: dict[Mutant, set[str]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that can't be collected ends all."""
        if report.failed:
            raise RuntimeError(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Everything is collected: nothing runs here, but in processes that are forked from it."""
        self._items = {item.nodeid: item for item in session.items}
        for path in self._records.modules:
            importlib.import_module(module_name(path))
        self._loaded = Loaded(self._records.modules)
        gc.collect()
        gc.freeze()
        self._work(self)
        return True

    def record(self) -> None:
        """What each test executes, without any fault. Those that fail are of no use, and said."""
        files = dict.fromkeys(file for files in self._tests.values() for file in files)
        missing = [file for file in files if not self._records.path(file).exists()]
        for ended in self._bench.run(missing, self._start_recording):
            if ended.code != trial.PASSED:
                raise RuntimeError(f"{ended.subject} can't be recorded: {ended.output}")
            shutil.copy(ended.folder / "runs", self._records.path(ended.subject))
        for file in files:
            self.runs |= runs_of(self._records.path(file))
        for name, run in self.runs.items():
            if not run.passed:
                print(f"left out, it fails without any fault: {name}", flush=True)

    def try_out(
        self, mutants: list[Mutant], *, briefly: bool = False, harmless: bool = False
    ) -> Iterator[Trial[Mutant]]:
        """Trials as they end: of tests that a mutant did not meet before, briefly of the first of
        them; harmless, of all of them without the fault.
        """
        for ended in self._bench.run(mutants, partial(self._start, briefly, harmless)):
            for test in ended.failed:
                self.choice.learn(ended.subject, test)
            yield ended

    def left(self, mutant: Mutant) -> Seconds:
        """The tests that are chosen for a mutant and that it did not meet yet."""
        met = self._met.setdefault(mutant, set())
        return {name: each for name, each in self.choice.of(mutant).items() if name not in met}

    def _start(
        self, briefly: bool, harmless: bool, mutant: Mutant, folder: Path
    ) -> tuple[int, float]:
        plain = plain_code(mutant.path)
        changes = self._loaded.changes(plain, plain if harmless else code_of(mutant))
        seconds = self.choice.of(mutant) if harmless else self.left(mutant)
        seconds = brief(seconds) if briefly else seconds
        self._met.setdefault(mutant, set()).update(seconds)
        limit = 2 * trial.GRACE_SECONDS + trial.PATIENCE * sum(seconds.values())
        at_import = changes is None or not self.choice.comes_to_line(mutant)
        if at_import and not harmless:
            process = trial.fresh(mutant.path, mutant.number, seconds, folder)
            return process, limit + trial.GRACE_SECONDS
        return trial.forked(lambda: self._try(changes or [], seconds), folder), limit

    def _try(self, changes: list[Change], seconds: Seconds) -> int:
        make(changes)
        return trial.run([self._items[name] for name in seconds], Watchdog(seconds))

    def _start_recording(self, file: str, folder: Path) -> tuple[int, float]:
        return trial.forked(lambda: self._run_file(file, folder), folder), RECORDING_SECONDS

    def _run_file(self, file: str, folder: Path) -> int:
        marks = Marks(self._records.modules)
        marks.put_in(self._loaded)
        recorder = Recorder(marks, folder / "runs")
        items = [item for name, item in self._items.items() if name.startswith(f"tests/{file}::")]
        if items:
            items[0].config.pluginmanager.register(recorder)
            trial.run(items, Watchdog({}), to_the_end=True)
        recorder.write()
        return trial.PASSED


def brief(seconds: Seconds) -> Seconds:
    """The first tests, of some seconds together: few mutants survive them."""
    names = [
        name
        for name, end in zip(seconds, accumulate(seconds.values()), strict=True)
        if end <= BRIEF_SECONDS
    ]
    return {name: seconds[name] for name in names or list(seconds)[:1]}

"""`make mutants`: break the rooms of rooms.toml one place at a time and tell what no test noticed.

    python -m mutants.run [--sample N] [--seed N] [--jobs N|auto] [--say] [--control]
                          [--results FOLDER] [ROOM or MODULE ...]

Ends with 1 when a mutant survived that accepted.toml does not name with a reason, or fewer than 95
% were killed.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mutants.desk import Desk, Records
from mutants.rooms import HERE, Mutant, Room, all_rooms, sample
from mutants.trial import collect
from mutants.trials import Bench, Trial, Verdict

GOAL = 0.95


def accepted() -> dict[str, dict[str, str]]:
    """By module: the mutants that no test can or need notice, each with the reason."""
    table: dict[str, dict[str, str]] = tomllib.loads((HERE / "accepted.toml").read_text())
    return table


def chosen(rooms: list[Room], words: Iterable[str], size: int, seed: int) -> list[Mutant]:
    """The mutants to try: of the rooms or modules that are named, or of all."""
    words = set(words)
    mutants = [
        mutant
        for room in rooms
        for mutant in room.mutants()
        if not words or words & {room.name, mutant.path}
    ]
    return sample(mutants, size, seed)


def tell(
    mutants: list[Mutant], verdicts: dict[Mutant, Verdict], reasons: dict[str, dict[str, str]]
) -> bool:
    """Print killed and survived by room, then who survived. Returns whether that will do."""
    for room in dict.fromkeys(mutant.room for mutant in mutants):
        _tell_room(
            room,
            [verdicts[mutant] for mutant in mutants if mutant.room == room and mutant in verdicts],
        )
    survived = [mutant for mutant in mutants if verdicts.get(mutant) is Verdict.SURVIVED]
    unknown = [mutant for mutant in survived if mutant.name not in reasons.get(mutant.path, {})]
    killed = len(verdicts) - len(survived)
    print(
        f"all: {killed} of {len(verdicts)} killed, {len(survived) - len(unknown)} survivors"
        f" accepted, {len(unknown)} not"
    )
    for mutant in survived:
        print(
            f"survived: {mutant}"
            + ("" if mutant in unknown else f" (accepted: {reasons[mutant.path][mutant.name]})")
        )
    return not unknown and killed >= GOAL * len(verdicts)


def _tell_room(room: str, verdicts: list[Verdict]) -> None:
    count = Counter(verdicts)
    killed = len(verdicts) - count[Verdict.SURVIVED]
    share = f"{100 * killed / len(verdicts):.1f} %" if verdicts else "nothing"
    clock = f", {count[Verdict.TIMED_OUT]} of them by the clock" if count[Verdict.TIMED_OUT] else ""
    print(f"{room}: {killed} killed{clock}, {count[Verdict.SURVIVED]} survived: {share}")


def main(words: list[str]) -> int:
    """See above."""
    options = _options(words)
    rooms = all_rooms()
    mutants = chosen(rooms, options.rooms, options.sample, options.seed)
    print(f"{len(mutants)} mutants, seed {options.seed}, {options.jobs} at once", flush=True)
    # So that trials are ended, too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    tests = {path: files for room in rooms for path, files in room.tests.items()}
    # What is written down of the tests is of use to every other choice of mutants.
    modules = list(dict.fromkeys(mutant.path for room in rooms for mutant in room.mutants()))
    met = {mutant.path: tests[mutant.path] for mutant in mutants}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        results = Results(Path(options.results or folder))
        work = partial(_try_all, mutants, results, options)
        at_a_desk(met, modules, options.jobs, results, work)
        if options.control:
            return 0
        return 0 if tell(mutants, results.verdicts(mutants), accepted()) else 1


def at_a_desk(
    tests: dict[str, list[str]],
    modules: list[str],
    jobs: int,
    results: "Results",
    work: Callable[[Desk], None],
) -> None:
    """Have work done where the tests of some modules are collected."""
    bench = Bench(jobs)
    try:
        desk = Desk(bench, tests, Records(results.folder, modules), work)
        ended = collect(desk, sorted({file for files in tests.values() for file in files}))
    finally:
        bench.close()
    if ended:
        raise RuntimeError(f"pytest ended with {ended}")


def _try_all(
    mutants: list[Mutant], results: "Results", options: argparse.Namespace, desk: Desk
) -> None:
    """Those without a verdict meet a few tests, then the stubborn ones the others; then those that
    survived an earlier run meet all of them: there may be more tests now.
    """
    began = time.monotonic()
    desk.record()
    print(f"{len(desk.runs)} tests: {time.monotonic() - began:.0f} seconds", flush=True)
    if options.control:
        _control(mutants, desk)
        return
    known = results.verdicts(mutants)
    for mutant, test in results.killers(mutants):
        desk.choice.learn(mutant, test)
    stubborn = []
    new = [mutant for mutant in mutants if mutant not in known]
    for ended in desk.try_out(new, briefly=True):
        if ended.verdict is Verdict.SURVIVED and desk.left(ended.subject):
            stubborn.append(ended.subject)
        else:
            _keep(ended, results, everything=options.say)
    print(f"{len(stubborn)} stubborn: {time.monotonic() - began:.0f} seconds", flush=True)
    again = [mutant for mutant in mutants if known.get(mutant) is Verdict.SURVIVED]
    stubborn.sort(key=lambda mutant: sum(desk.left(mutant).values()))
    for ended in desk.try_out(stubborn + again):
        _keep(ended, results, everything=options.say)
    print(f"{time.monotonic() - began:.0f} seconds")


def _control(mutants: list[Mutant], desk: Desk) -> None:
    for ended in desk.try_out(mutants, harmless=True):
        assert ended.verdict is Verdict.SURVIVED, f"without a fault: {ended.output}"


def _keep(ended: Trial[Mutant], results: "Results", *, everything: bool) -> None:
    results.add(ended.subject, ended.verdict, ended.failed)
    if everything:
        print(f"{ended.verdict.value}: {ended.subject}", *ended.failed[:1], flush=True)
    elif ended.verdict is not Verdict.KILLED:
        print(f"{ended.verdict.value}: {ended.subject}", flush=True)


class Results:
    """A folder that keeps verdicts, so that a run can be resumed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = folder / "verdicts"

    def add(self, mutant: Mutant, verdict: Verdict, failed: Sequence[str] = ()) -> None:
        """The last one of a mutant counts; and the tests that killed it."""
        with self._file.open("a") as file:
            print(json.dumps([mutant.path, mutant.name, verdict.value, *failed[:1]]), file=file)

    def verdicts(self, mutants: list[Mutant]) -> dict[Mutant, Verdict]:
        """Those that are known."""
        return {mutant: Verdict(value) for mutant, value, *_ in self._lines(mutants)}

    def killers(self, mutants: list[Mutant]) -> list[tuple[Mutant, str]]:
        """Each with the test that killed it."""
        return [(mutant, failed[0]) for mutant, _, *failed in self._lines(mutants) if failed]

    def _lines(self, mutants: list[Mutant]) -> Iterator[list[Any]]:
        named = {(mutant.path, mutant.name): mutant for mutant in mutants}
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        for path, name, *rest in map(json.loads, lines):
            if (path, name) in named:
                yield [named[path, name], *rest]


def _jobs(word: str) -> int:
    return len(os.sched_getaffinity(0)) if word == "auto" else int(word)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutants.run", allow_abbrev=False)
    parser.add_argument("--sample", type=int, default=0, help="so many mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=_jobs, default="auto")
    parser.add_argument(
        "--say", action="store_true", help="name each mutant and the test that killed it"
    )
    parser.add_argument(
        "--control", action="store_true", help="try them without the faults: all tests must pass"
    )
    parser.add_argument("--results", default="", help="a folder that keeps verdicts of mutants")
    parser.add_argument("rooms", nargs="*", metavar="ROOM or MODULE")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The whole matrix, written into docs/explanation/reliability.md: `make crash-matrix`.

Ends with 1 when a fault was found.

With a number below 1 as argument that share of it, which is said.
"""

import multiprocessing
import platform
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import apsw
from crash.matrix import FAULTS, Tally, run
from crash.recordings import operations, record, record_full, record_killed
from crash.scenarios import SCENARIOS, Scenario

DOCUMENT = Path(__file__).parents[2] / "docs/explanation/reliability.md"
BEGIN, END = "<!-- figures of make crash-matrix -->\n", "<!-- end of figures -->\n"
SEED = 1
# Places of each scenario where the process is killed, or the disk is full, and the share of the
# states that is tried after each.
KILLS, KILLED_SHARE = 40, 0.03
FULLS, FULL_SHARE = 40, 0.02
# A process on a disk that was full is killed within so many operations.
GOES_ON = 100

Pair = tuple[Scenario, str]
PAIRS: tuple[Pair, ...] = tuple(
    (scenario, store) for scenario in SCENARIOS for store in scenario.stores
)


def power_cut(number: int, part: float = 1.0) -> Tally:
    """All states of a scenario, or a part of them."""
    scenario, store = PAIRS[number]
    return run(record(scenario, store), seed=SEED, share=part)


def kill_then_cut(number: int, part: float = 1.0) -> Tally:
    """Kills at seeded places, or at all; after each another process, and a share of the states that
    a power cut then leaves.
    """
    scenario, store = PAIRS[number]
    total, places = Tally(scenario.name, store), range(operations(record(scenario, store)))
    for life in sorted(random.Random(SEED).sample(places, min(_places(KILLS, part), len(places)))):
        recording = record_killed(scenario, store, life)
        if recording is not None:
            total.add(run(recording, seed=SEED + life, share=KILLED_SHARE))
    return total


def full_then_kill_then_cut(number: int, part: float = 1.0) -> Tally:
    """A disk that is full at seeded places, or at all; the process goes on and is killed, then
    another one; then a power cut.
    """
    scenario, store = PAIRS[number]
    total, places = Tally(scenario.name, store), range(operations(record(scenario, store)))
    chance = random.Random(SEED)
    for room in sorted(chance.sample(places, min(_places(FULLS, part), len(places)))):
        recording = record_full(scenario, store, room, chance.randrange(GOES_ON))
        if recording is not None:
            total.add(run(recording, seed=SEED + room, share=FULL_SHARE))
    return total


def _places(number: int, part: float) -> int:
    return max(1, round(number * part))


def table(tallies: Iterable[Tally]) -> list[str]:
    """The rows, with their sums."""
    rows = [
        "| scenario | store | crash points | states | disks | leaves handed out | reused | other"
        " faults | refused | card in two folders |"
    ]
    rows += ["| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |"]
    total = Tally("all", "")
    for tally in tallies:
        rows.append(_row(tally))
        total.add(tally)
    return [*rows, _row(total), ""]


def _row(tally: Tally) -> str:
    others = sum(tally.counts[fault] for fault in FAULTS if fault not in ("reused", "refused"))
    figures = (
        tally.points,
        tally.states,
        tally.disks,
        tally.handed,
        tally.counts["reused"],
        others,
        tally.counts["refused"],
        tally.copies,
    )
    return (
        f"| {tally.scenario} | {tally.store} | "
        + " | ".join(f"{figure:,}" for figure in figures)
        + " |"
    )


def write(
    minutes: float, part: float, cut: list[Tally], killed: list[Tally], filled: list[Tally]
) -> None:
    """Put the figures into the document."""
    figures = [
        (
            f"Recorded with SQLite {apsw.sqlite_lib_version()}, opened again with SQLite"
            f" {sqlite3.sqlite_version}, CPython {platform.python_version()}, {platform.system()}"
            f" {platform.machine()}; seed {SEED}; {minutes:.0f} minutes."
        ),
        "",
        "A power cut:" if part == 1 else f"A power cut, {part:.0%} of the states:",
        "",
        *table(cut),
        (
            f"A kill (at {_places(KILLS, part)} places of a scenario, or at all if it has fewer), "
            f"another process that goes on, then a power cut ({KILLED_SHARE:.0%} of the states):"
        ),
        "",
        *table(killed),
        (
            f"A disk that is full from some operation on (at {_places(FULLS, part)} places of a"
            " scenario, or at all if it has fewer) until a command fails; then there is room, the"
            f" process goes on, and is killed within {GOES_ON} operations; another process goes on,"
            f" then a power cut ({FULL_SHARE:.0%} of the states):"
        ),
        "",
        *table(filled),
    ]
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(
        before + BEGIN + "\n" + "\n".join(figures) + "\n" + END + rest.partition(END)[2]
    )


def main(part: float = 1.0) -> int:
    """Run all of it or a part, write, and say what was found."""
    started, every = time.monotonic(), [(number, part) for number in range(len(PAIRS))]
    with multiprocessing.get_context("spawn").Pool() as pool:
        tallies = [
            pool.starmap(kind, every, chunksize=1)
            for kind in (power_cut, kill_then_cut, full_then_kill_then_cut)
        ]
    write((time.monotonic() - started) / 60, part, *tallies)
    found = [tally for kind in tallies for tally in kind]
    faults = [fault for tally in found for fault in tally.faults]
    print(f"{DOCUMENT}: {len(faults)} faults", *faults[:20], sep="\n")
    print(dict(sum((tally.counts for tally in found), Counter())))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))

"""The whole restore matrix, and its counts as the table of docs/reliability.md: `python -m restores.report [SHARE] [SEED]`."""

import multiprocessing
import os
import platform
import random
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from restores import scenes
from restores.judge import Verdict
from restores.matrix import HOSTS, STORES, Case, Outcome, cases, run
from restores.mounts import MOUNTS, disk_image, make_xfs, may_mount
from restores.ways import REFLINKS
from restores.ways import run as command

ALL = list(cases())
XFS = Path("/tmp/restore-xfs")


def main(share: float = 1.0, seed: int = 1) -> int:
    """Run all cases, or a share of them; print tables; 1 when a leaf came twice."""
    began = time.monotonic()
    chosen = [number for number, case in enumerate(ALL) if shutil.which(case.way.needs)]
    if share < 1:
        chosen = random.Random(seed).sample(chosen, int(len(chosen) * share))
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        verdicts = list(pool.map(_verdict, chosen, chunksize=8))
    outcomes = [Outcome(ALL[number], *verdict) for number, verdict in zip(chosen, verdicts, strict=True)]
    outcomes += [run(case) for case in _mounted()] if may_mount() else []
    outcomes += _reflinked() if may_mount() else []
    _print(outcomes, time.monotonic() - began, workers)
    return any(outcome.verdict is Verdict.REUSED for outcome in outcomes)


def _verdict(number: int) -> tuple[Verdict, list[tuple[str, int]]]:
    """In another process: what came of a case, by its number."""
    outcome = run(ALL[number])
    return outcome.verdict, outcome.leaves


def _mounted() -> Iterable[Case]:
    for store in STORES:
        for host in HOSTS:
            for way in MOUNTS:
                yield Case("world", way, scenes.in_a_mount, store, host)
        yield Case("world", disk_image(), scenes.on_a_disk, store, HOSTS[0])


def _reflinked() -> list[Outcome]:
    """On a file system whose files can share blocks."""
    if not shutil.which("mkfs.xfs"):
        return []
    XFS.mkdir(exist_ok=True)
    make_xfs(XFS)
    try:
        moments = (*scenes.NVRAM_MOMENTS, scenes.a_card_in_two_machines, scenes.beside)
        return [
            run(Case("world", way, moment, store, host), folder=XFS)
            for way in REFLINKS
            for moment in moments
            for store in STORES
            for host in HOSTS
        ]
    finally:
        command("umount", XFS)
        XFS.with_suffix(".img").unlink()


def _print(outcomes: list[Outcome], seconds: float, workers: int) -> None:
    kernel = platform.release()
    disk = subprocess.run(["stat", "-f", "-c", "%T", "/tmp"], capture_output=True, text=True, check=True)
    print(f"{len(outcomes)} combinations, {seconds:.0f} s with {workers} processes, Linux {kernel}, {disk.stdout.strip()}\n")
    for title, name_of in (
        ("put back", lambda outcome: outcome.case.part),
        ("when", lambda outcome: outcome.case.moment.__name__.replace("_", " ")),
        ("way", lambda outcome: outcome.case.way.name),
        ("store", lambda outcome: outcome.case.store),
        ("host", lambda outcome: outcome.case.host),
    ):
        _table(title, outcomes, name_of)
    for outcome in outcomes:
        if outcome.verdict is Verdict.REUSED:
            print(f"REUSED {outcome.case}: {outcome.leaves}")


def _table(title, outcomes, name_of) -> None:  # type: ignore[no-untyped-def]
    counts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for outcome in outcomes:
        counts[name_of(outcome)][outcome.verdict] += 1
    print(f"| {title} | noticed | harmless | leaves reused |\n| --- | ---: | ---: | ---: |")
    for name, found in counts.items():
        print(f"| {name} | " + " | ".join(f"{found[verdict]:,}" for verdict in Verdict) + " |")
    print()


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:2])))

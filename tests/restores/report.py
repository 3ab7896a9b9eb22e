"""The whole restore matrix, and its counts as the tables of docs/explanation/reliability.md:
`python -m restores.report [FILE]`.

Verdicts are added to FILE as they come, and cases that are in it are not run again, so that it can
be done in parts.
"""

import itertools
import multiprocessing
import os
import platform
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from restores import scenes
from restores.judge import Verdict
from restores.matrix import HOSTS, STORES, Case, cases, run
from restores.mounts import MOUNTS, disk_image, make_xfs, may_mount
from restores.ways import REFLINKS
from restores.ways import run as command

# Part, moment, way, store, host, verdict.
Row = tuple[str, ...]
ALL = list(cases())
XFS = Path("/tmp/restore-xfs")


def main(file: str = "") -> int:
    """Run all cases that FILE does not have; print tables of all; 1 when a leaf came twice."""
    began, log = time.monotonic(), Path(file) if file else None
    known = (
        [line.split("\t") for line in log.read_text().splitlines()] if log and log.exists() else []
    )
    chosen = [number for number, case in enumerate(ALL) if shutil.which(case.way.needs)]
    # Each part of the whole is a sample of it.
    random.Random(1).shuffle(chosen)
    done = {int(number) for number, *_ in known}
    workers = os.cpu_count() or 1
    rows = [tuple(words) for _, *words in known]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        for number, verdict in pool.map(
            _verdict, [number for number in chosen if number not in done], chunksize=4
        ):
            rows.append(_row(ALL[number], verdict))
            if log:
                with log.open("a") as lines:
                    lines.write("\t".join([str(number), *rows[-1]]) + "\n")
    rows += [_row(case, run(case).verdict) for case in _mounted()] if may_mount() else []
    rows += _reflinked() if may_mount() else []
    _print(rows, time.monotonic() - began, workers)
    return any(row[-1] == Verdict.REUSED.value for row in rows)


def _row(case: Case, verdict: Verdict) -> Row:
    moment = case.moment.__name__.replace("_", " ")
    return case.part, moment, case.way.name, case.store, case.host, verdict.value


def _verdict(number: int) -> tuple[int, Verdict]:
    """In another process: a case by its number."""
    return number, run(ALL[number]).verdict


def _mounted() -> Iterable[Case]:
    for store in STORES:
        for host in HOSTS:
            for way in MOUNTS:
                yield Case("world", way, scenes.in_a_mount, store, host)
        yield Case("world", disk_image(), scenes.on_a_disk, store, HOSTS[0])


def _reflinked() -> list[Row]:
    """On a file system whose files can share blocks."""
    if not shutil.which("mkfs.xfs"):
        return []
    XFS.mkdir(exist_ok=True)
    make_xfs(XFS)
    try:
        moments = (*scenes.NVRAM_MOMENTS, scenes.a_card_in_two_machines, scenes.beside)
        made = itertools.product(REFLINKS, moments, STORES, HOSTS)
        cases_here = [Case("world", way, moment, store, host) for way, moment, store, host in made]
        return [_row(case, run(case, folder=XFS).verdict) for case in cases_here]
    finally:
        command("umount", XFS)
        XFS.with_suffix(".img").unlink()


def _print(rows: list[Row], seconds: float, workers: int) -> None:
    kernel = platform.release()
    disk = subprocess.run(
        ["stat", "-f", "-c", "%T", "/tmp"], capture_output=True, text=True, check=True
    )
    print(
        f"{len(rows)} combinations, {seconds:.0f} s with {workers} processes, Linux {kernel},"
        f" {disk.stdout.strip()}\n"
    )
    for column, title in enumerate(("put back", "when", "way", "store", "host")):
        _table(title, Counter((row[column], row[-1]) for row in rows))
    for row in rows:
        if row[-1] == Verdict.REUSED.value:
            print("REUSED", *row, sep="; ")


def _table(title: str, counts: Counter[tuple[str, str]]) -> None:
    print(f"| {title} | noticed | harmless | leaves reused |\n| --- | ---: | ---: | ---: |")
    for name in dict.fromkeys(name for name, _ in counts):
        print(
            f"| {name} | "
            + " | ".join(f"{counts[name, verdict.value]:,}" for verdict in Verdict)
            + " |"
        )
    print()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))

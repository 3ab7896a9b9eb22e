"""Verification in bulk, and `seemachine audit` of a pile of signatures with their messages.

Every tree is given a pile that this one made.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from extents import Extent
from measure import Figure, once
from seeclient import verifying

ROOT = Path(__file__).resolve().parents[2]
MAKER = ROOT / "benchmarks/pile.py"
# Runs a command, then says how much memory it had resident at most, in kB.
WATCHED = """
import re, runpy, sys
from pathlib import Path
sys.argv = ["seemachine", *sys.argv[1:]]
try:
    runpy.run_module("seemachine", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


def figures(extent: Extent) -> Iterator[Figure]:
    """At h10/w8; the pile has many keys."""
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
        pile = Path(folder)
        env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}
        words = [sys.executable, str(MAKER), folder, str(extent.pile)]
        subprocess.run(words, env=env, check=True)
        yield _verified(pile, min(extent.pile, 10_000))
        yield from _audited(pile, extent.pile)


def _verified(pile: Path, count: int) -> Figure:
    items = [
        (
            Path(f"{path.parent}.pub").read_bytes(),
            path.with_suffix("").read_bytes(),
            path.read_bytes(),
        )
        for path in sorted(pile.glob("*/*.sig"))[:count]
    ]
    many = getattr(verifying, "verify_many", None)
    verify: Callable[[], None] = (
        (lambda: _expect_good(many(items))) if many else (lambda: _one_by_one(items))
    )
    before = time.process_time()
    verify()
    spent = time.process_time() - before
    note = f"{count} signatures by CPU time, {'in wide calls' if many else 'one by one'}"
    return Figure("verification in bulk, h10/w8, on a core", count / spent, "per second", note)


def _expect_good(results: Iterator[object]) -> None:
    assert all(result is None for result in results)


def _one_by_one(items: list[tuple[bytes, bytes, bytes]]) -> None:
    for key, message, signature in items:
        verifying.verify(message, signature, key)


def _audited(pile: Path, count: int) -> Iterator[Figure]:
    told: list[bytes] = []
    words = [sys.executable, "-c", WATCHED, "audit", str(pile)]
    took = once(lambda: told.append(_errors_of(words)))
    name = f"audit of {count:,} signatures"
    yield Figure(name, took, "s", "all cores")
    yield Figure("audit, signatures a second", count / took, "per second", f"{count:,} files")
    yield Figure(f"{name}: peak memory", int(told[0].split()[-1]) * 1.024 / 1000, "MB", "resident")


def _errors_of(words: list[str]) -> bytes:
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return done.stderr

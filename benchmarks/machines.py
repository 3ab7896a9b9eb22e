"""A machine to measure: a real `seemachine serve` process on a free port, in a world folder of its
own, and a load on it.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import processor_seconds

ESN = "7852-268D-3BF9"
PATIENCE_SECONDS = 60.0
LOAD = Path(__file__).resolve().with_name("load.py")


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is ready."""

    process: subprocess.Popen[bytes]
    host: str
    port: int

    def stop(self) -> None:
        """Stop it in order."""
        self.process.terminate()
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load measured: signatures per second; milliseconds of each request; microseconds of
    processor time for a signature, of the daemon's main thread, its other threads and the clients.
    """

    rate: float
    milliseconds: list[float]
    main_thread: float
    other_threads: float
    clients: float


def start(home: Path, *options: str) -> Running:
    """Start the machine and return when it is published."""
    log = home / "log"
    words = [sys.executable, "-m", "seemachine", "serve", "--esn", ESN, "--port", "0", *options]
    with log.open("ab") as file:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (entry := published(home)).get("pid") != process.pid:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no machine:\n{log.read_text()}")
        time.sleep(0.001)
    return Running(process, str(entry["host"]), int(entry["port"]))


def published(home: Path) -> dict[str, Any]:
    """What the machine says of itself to clients of its world; nothing before it is ready."""
    try:
        entry: dict[str, Any] = json.loads((home / f"published/pqsdk/{ESN}.json").read_text())
    except (OSError, ValueError):
        return {}
    return entry


def load(
    machine: Running,
    files: Sequence[bytes],
    clients: int,
    duration: float,
    *,
    messages: int = 1,
    pause: float = 0,
) -> Loaded:
    """Sign with these NVRAM files; see load.py."""
    before = processor_seconds(machine.process.pid)
    words = [machine.host, machine.port, messages, clients, duration, pause]
    words += [file.hex() for file in files]
    done = subprocess.run(
        [sys.executable, str(LOAD), *map(str, words)], stdout=subprocess.PIPE, check=True
    )
    after, told = processor_seconds(machine.process.pid), json.loads(done.stdout)
    each = 1e6 / told["signatures"]
    main, others = (each * (late - early) for early, late in zip(before, after, strict=True))
    clients_spent = each * told["processor_seconds"]
    return Loaded(told["rate"], told["milliseconds"], main, others, clients_spent)


def megabytes(pid: int) -> float | None:
    """The memory that a process has resident now; None where there is no /proc."""
    return _megabytes(pid, "VmRSS")


def peak_megabytes(pid: int) -> float | None:
    """The most memory that a process ever had resident; None where there is no /proc."""
    return _megabytes(pid, "VmHWM")


def _megabytes(pid: int, what: str) -> float | None:
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return None
    found = re.search(rf"^{what}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    return int(found[1]) / 1000 * 1.024 if found else None


@contextlib.contextmanager
def world() -> Iterator[Path]:
    """A world folder for the length of a block; commands of this process use it."""
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
        before = os.environ.get("SEEMACHINE_HOME")
        os.environ["SEEMACHINE_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["SEEMACHINE_HOME"]
            else:
                os.environ["SEEMACHINE_HOME"] = before


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """A world with one machine running."""
    with world() as home:
        machine = start(home)
        try:
            yield machine
        finally:
            machine.stop()

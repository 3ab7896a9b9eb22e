"""A machine to measure: a real `seemachine serve` process on a free port, in a world folder of its
own.
"""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.processes import RunningMachine

ESN = "7852-268D-3BF9"


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


def start(home: Path, *options: str) -> Running:
    """Start the machine and return when it is published."""
    machine = RunningMachine(home, ESN, *options)
    entry = machine.published()
    return Running(machine.process, str(entry["host"]), int(str(entry["port"])))


def peak_megabytes(pid: int) -> float | None:
    """The most memory that a process ever had resident; None where there is no /proc."""
    path = Path(f"/proc/{pid}/status")
    found = (
        re.search(r"^VmHWM:\s+(\d+) kB", path.read_text(), re.MULTILINE) if path.exists() else None
    )
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

"""A fleet of many machines: what it takes, and that all of it goes away again.

    python -m storm.many FORM COUNT

FORM is `each` (a process for each machine) or `one` (all in one). Prints a line for each thing that
is done: seconds, and seconds of CPU of its command; of the fleet when it is up also processes, CPU
and memory (PSS). Exit code 0 when every machine came up, keys of the first and the last one signed,
and nothing was left: no process, and nothing that was published.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from kit.processes import children, environment, gone
from kit.waiting import eventually

from seemachine.wire.entries import given_esns

FIRST = "0000-0000-0001"
KEY = ("algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w4")
LONGEST_SECONDS = 300.0


class Commands:
    """Of one world. Each is a process; what it takes is printed."""

    def __init__(self, home: Path) -> None:
        self._env = environment(home)

    def run(self, module: str, *words: str) -> str:
        """What it printed. Raises CalledProcessError, TimeoutExpired."""
        began, spent = time.monotonic(), spent_on_children()
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *words],
            env=self._env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=LONGEST_SECONDS,
        )
        took, cpu = time.monotonic() - began, spent_on_children() - spent
        print(f"{' '.join((module, *words[:2])):36} {took:7.2f} s {cpu:6.2f} s of CPU", flush=True)
        return done.stdout

    def status(self) -> dict[str, Any]:
        """What `fleet status` says."""
        found: dict[str, Any] = json.loads(self.run("seemachine", "fleet", "status", "--json"))
        return found


def spent_on_children() -> float:
    """Seconds of CPU of the processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for child in children(pid):
        yield from family(child)


def spent_by(pid: int) -> float:
    """Seconds of CPU of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_memory(pid: int) -> int:
    """Its bytes of memory, those that it shares in parts (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10


def day(home: Path, count: int) -> None:
    """Up, looked at, used, down."""
    commands = Commands(home)
    *_, last = FIRST, *islice(given_esns(()), count - 1)
    commands.run("seemachine", "fleet", "up", "--detach")
    fleet = commands.status()
    assert [machine["state"] for machine in fleet["machines"]] == ["up"] * count
    processes = list(family(fleet["supervisor"]))
    spent, memory = sum(map(spent_by, processes)), sum(map(share_of_memory, processes))
    print(f"{len(processes)} processes, {spent:.2f} s of CPU, {memory / 1e6:.0f} MB")
    commands.run("seeclient")
    for esn in (FIRST, last):
        commands.run("seeclient", "generate", f"alias=of-{esn}", f"esn={esn}", *KEY)
        commands.run("seeclient", f"alias=of-{esn}", "message=m")
    commands.run("seeclient", "showinfo", f"alias=of-{last}")
    commands.run("seemachine", "fleet", "down")
    assert all(eventually(lambda pid=pid: gone(pid)) for pid in processes)
    assert not list(home.glob("published/*/*.json"))
    assert not list(home.glob("fleet/*.pid"))


def main() -> int:
    """Run one."""
    form, count = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="seemachine-many.") as folder:
        home = Path(folder)
        text = f'process = "{form}"\ncount = {count}\n[[machines]]\nesn = "{FIRST}"\nport = 0\n'
        (home / "fleet.toml").write_text(text)
        print(f"{count} machines, process = {form}")
        try:
            day(home, count)
        finally:
            Commands(home).run("seemachine", "fleet", "down")
    return 0


if __name__ == "__main__":
    sys.exit(main())

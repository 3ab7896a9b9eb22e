"""Many machines on one computer: how long they take to come up, what they hold, how fast commands
are beside them.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from extents import Extent
from load import MESSAGE
from machines import world
from measure import Figure, once, seconds
from seeclient import blocking

SHAPES = {"each": "machines, a process each", "one": "machines in one process"}
# Set size, not kernel memory: a page that n processes share counts for each as its n-th part.
PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
SETS = ("sha256_m32_h5", "sha256_n32_w8")
COMMANDS = {
    "fleet status": ("seemachine", "fleet", "status"),
    "pipsqueak banner": ("seeclient.pipsqueak",),
    "showinfo": ("seeclient.pipsqueak", "showinfo", "alias=bench"),
}
REPEATS = 3


def figures(extent: Extent) -> Iterator[Figure]:
    """Each machine in a process of its own, then all in one."""
    for process, counts in (("each", extent.each), ("one", extent.shared)):
        for count in counts:
            yield from _fleet_figures(count, process)


def _fleet_figures(count: int, process: str) -> Iterator[Figure]:
    name = f"{count} {SHAPES[process]}"
    with world() as home:
        (home / "fleet.toml").write_text(_fleet_file(count, process))
        with _down_in_any_case():
            yield Figure(f"{name}: ready", once(lambda: _run(*_UP)), "s", "fleet up --detach")
            yield from _size_figures(name, home)
            yield from _command_figures(name)
            yield Figure(f"{name}: fleet down", once(lambda: _run(*_DOWN)), "s")


_UP = ("seemachine", "fleet", "up", "--detach")
_DOWN = ("seemachine", "fleet", "down")


def _size_figures(name: str, home: Path) -> Iterator[Figure]:
    processes = list(_processes_of(home))
    megabytes = sum(_pss_kilobytes(each) for each in processes) * 1.024 / 1000
    ticks = sum(_ticks(each) for each in processes)
    note = f"{len(processes)} processes, the supervisor among them"
    yield Figure(f"{name}: memory (PSS)", megabytes, "MB", note)
    yield Figure(f"{name}: CPU so far", ticks / os.sysconf("SC_CLK_TCK"), "s", note)


def _command_figures(name: str) -> Iterator[Figure]:
    with blocking.open_fleet() as fleet:
        key = fleet.generate_lms("bench", *SETS)
        yield Figure(f"{name}: first signature", once(lambda: key.sign(MESSAGE)), "s", "h5/w8")
    for command, (module, *words) in COMMANDS.items():
        took = seconds(lambda words=(module, *words): _run(*words), REPEATS)
        yield Figure(f"{name}: {command}", took, "s", f"median of {REPEATS}")


def _fleet_file(count: int, process: str) -> str:
    machines = (
        f'[[machines]]\nesn = "7852-268D-{number:04X}"\nmodule = {number}\nport = 0\n'
        for number in range(1, count + 1)
    )
    return "\n".join([f'process = "{process}"', *machines])


@contextlib.contextmanager
def _down_in_any_case() -> Iterator[None]:
    try:
        yield
    except BaseException:
        subprocess.run([sys.executable, "-m", *_DOWN], check=False)
        raise


def _run(module: str, *words: str) -> None:
    # A detached fleet keeps standard error.
    subprocess.run(
        [sys.executable, "-m", module, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def _processes_of(home: Path) -> Iterator[Path]:
    """Folders in /proc of all that were started for this world, but for this process."""
    wanted = f"SEEMACHINE_HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            here = wanted in (folder / "environ").read_bytes().split(b"\0")
            if here and int(folder.name) != os.getpid():
                yield folder


def _pss_kilobytes(process: Path) -> int:
    found = PSS.search((process / "smaps_rollup").read_text())
    return int(found[1]) if found else 0


def _ticks(process: Path) -> int:
    """Of it, and of its children that ended."""
    return sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:15]))

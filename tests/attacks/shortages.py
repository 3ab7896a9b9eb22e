"""Machines that are kept short: of descriptors, threads, memory, room, or a reader of their log.

`python -m attacks.shortages SECONDS` lets honest clients sign as fast as they can, with each
shortage and without it, and prints one table in Markdown. Not 0 when a client failed that should
not have, a leaf came twice, or a machine did not stop in order. Threads are only limited of users
other than root, so that machine runs as another; disks need `unshare` to be small.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attacks.siege import ESN, Outcome, besiege, configured, signing_key
from kit.processes import RunningMachine

HEIGHT = 15
STOP = {"drain_seconds": 1}
# A user that nobody is. It may read what it runs, wherever that lies.
SOMEBODY = 54321
READ = "+dac_read_search,+dac_override"
AS_SOMEBODY = ("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
AS_SOMEBODY = (*AS_SOMEBODY, f"--inh-caps={READ}", f"--ambient-caps={READ}")
# What it takes at its start, and not one more.
FEW_THREADS = ("prlimit", "--nproc=7", "--")
# Of address space.
FEW_MEMORY = ("prlimit", f"--as={800 << 20}", "--")
SMALL_DISK = 'mount -t tmpfs -o size=64m,mode=700 none {} && exec "$@"'
PAGE = 4096
HEAD = ("short of", "attack", "signatures/s", "with enough", "ratio", "failed", "stop s", "said")


@dataclass(frozen=True)
class Shortage:
    """`before` its command stand these words, with `{}` for its NVRAM; `after` is called once it is
    up.

    `log`: file, full, closed or stalled. `refuses`: what honest clients may be told.
    """

    before: tuple[str, ...] = ()
    after: Callable[[RunningMachine], None] = lambda _machine: None
    log: str = "file"
    options: tuple[str, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("none",)
    refuses: str = "nothing"

    @property
    def possible(self) -> bool:
        """Whether it can be had here: another user, or a disk of its own, takes root."""
        tools = {"setpriv", "unshare", "prlimit"} & {*self.before}
        root = not tools & {"setpriv", "unshare"} or os.geteuid() == 0
        return root and all(map(shutil.which, tools))


def full_disk(machine: RunningMachine) -> None:
    """Half a second later its disk is full, for a second."""
    place = Path(f"/proc/{machine.process.pid}/root{machine.home}/hsm/fill")

    def fill() -> None:
        time.sleep(0.5)
        with place.open("wb", buffering=0) as file:
            for size in (1 << 20, PAGE):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        time.sleep(1)
        place.unlink()

    threading.Thread(target=fill).start()


def files(count: int) -> tuple[str, ...]:
    """The words that leave it so many descriptors."""
    return ("prlimit", f"--nofile={count}", "--")


CROWD = ("none", "silent")
SHORTAGES = {
    "descriptors (64)": Shortage(before=files(64), kinds=CROWD),
    "descriptors (128)": Shortage(before=files(128), kinds=("silent",)),
    "descriptors (200)": Shortage(before=files(200), kinds=("silent",)),
    "descriptors (64), file store": Shortage(
        before=files(64),
        options=("--store", "file"),
        kinds=CROWD,
    ),
    "descriptors (1024 of 65536 connections)": Shortage(
        before=files(1024),
        limits={"connections": 65536, "peer_connections": 65536},
        kinds=("silent",),
    ),
    "threads": Shortage(before=(*AS_SOMEBODY, *FEW_THREADS), kinds=CROWD),
    "memory": Shortage(before=FEW_MEMORY, kinds=("none", "unfinished frames", "never reading")),
    "room on the disk, for a second": Shortage(
        before=("unshare", "--mount", "sh", "-c", SMALL_DISK, "sh"),
        after=full_disk,
        refuses="full",
    ),
    "a log that is read": Shortage(log="stalled"),
    "a log that somebody reads": Shortage(log="closed"),
    "room for the log": Shortage(log="full"),
    "all but room for NVRAM": Shortage(
        before=(*AS_SOMEBODY, *FEW_THREADS, *files(64), *FEW_MEMORY),
        log="stalled",
        kinds=CROWD,
    ),
}


class Short(RunningMachine):
    """A machine that is kept short from its start."""

    def __init__(self, home: Path, shortage: Shortage) -> None:
        self.shortage = shortage
        options = ("--config", str(configured(home, {**STOP, **shortage.limits})))
        super().__init__(home, ESN, *options, *shortage.options)

    def start(self) -> None:
        """See RunningMachine."""
        before = [word.format(self.home / "hsm") for word in self.shortage.before]
        if AS_SOMEBODY[0] in before:
            for path in (self.home, self.home / "machine.toml"):
                os.chown(path, SOMEBODY, SOMEBODY)
        if self.shortage.refuses != "nothing":
            (self.home / "hsm").mkdir(mode=0o700)
        self.log.touch()
        with self._log() as log:
            self.process = self.process_with(log, before)
        self.wait_until_published()

    @contextlib.contextmanager
    def _log(self) -> Iterator[Any]:
        if self.shortage.log in ("file", "full"):
            with (self.log if self.shortage.log == "file" else Path("/dev/full")).open("ab") as log:
                yield log
            return
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PAGE)
        if self.shortage.log == "closed":
            os.close(self.reading)
        try:
            yield writing
        finally:
            os.close(writing)


@dataclass(frozen=True)
class Line:
    """One that is over. `code` is the machine's at its end, after so many `seconds`."""

    outcome: Outcome
    shortage: Shortage
    code: int
    seconds: float
    said: Counter[str]

    @property
    def good(self) -> bool:
        """Nobody failed who should not have, no leaf came twice, and it stopped in order."""
        leaves = self.outcome.leaves
        fair = all(self.shortage.refuses in why for why in self.outcome.failures)
        return fair and len(set(leaves)) == len(leaves) > 0 and self.code == 0


def measure(
    shortage: Shortage,
    kind: str,
    seconds: float,
    height: int = HEIGHT,
    pause: float = 0,
) -> Line:
    """Honest clients of a machine that is kept short, and perhaps attacked."""
    with tempfile.TemporaryDirectory(prefix="seemachine-short.") as folder:
        home = Path(folder)
        home.chmod(0o755)
        machine = Short(home, shortage)
        try:
            file = signing_key(machine, height)
            shortage.after(machine)
            outcome = besiege(machine, kind, file, seconds, pause=pause)
        finally:
            began = time.monotonic()
            code = machine.stop()
        lines = log_of(machine)
        said = Counter(word for word in WORDS for line in lines if word in line)
        return Line(outcome, shortage, code, time.monotonic() - began, said)


WORDS = (
    "allows less",
    "out of descriptors",
    "out of threads",
    "out of memory",
    "lines dropped",
    "bug in",
    "bug while",
)


def log_of(machine: Short) -> list[str]:
    """What it said, as far as it is there to be read."""
    if machine.shortage.log == "stalled":
        with os.fdopen(machine.reading) as pipe:
            return pipe.read().splitlines()
    return machine.log.read_text().splitlines()


def show(*cells: object) -> None:
    """A row of the table, now."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def table(seconds: float, only: Sequence[str] = ()) -> bool:
    """Print it, as far as it is asked for. Whether all is well."""
    good = True
    show(*HEAD)
    show(*("---" for _ in HEAD))
    for name, shortage in SHORTAGES.items():
        if only and name not in only:
            continue
        if not shortage.possible:
            show(name, "not possible here", *"-" * (len(HEAD) - 2))
            continue
        for kind in shortage.kinds:
            enough = measure(Shortage(options=shortage.options), kind, seconds)
            line = measure(shortage, kind, seconds)
            show(name, kind, *_cells(line, enough, seconds))
            for why, count in Counter(line.outcome.failures).most_common(3):
                print(f"  {count} times {why}", file=sys.stderr, flush=True)
            good = good and line.good
    return good


def _cells(line: Line, enough: Line, seconds: float) -> list[str]:
    rates = [len(each.outcome.leaves) / seconds for each in (line, enough)]
    said = ", ".join(f"{count} x {word}" for word, count in line.said.items()) or "-"
    ratio = f"{rates[0] / (rates[1] or 1):.2f}"
    failed, stopped = str(len(line.outcome.failures)), f"{line.seconds:.1f}"
    return [*(f"{rate:,.0f}" for rate in rates), ratio, failed, stopped, said]


if __name__ == "__main__":
    sys.exit(0 if table(float(sys.argv[1]), sys.argv[2:]) else 1)

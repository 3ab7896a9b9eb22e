"""Which process is meant.

A number is a hint: it comes again, and each PID namespace (each container) counts for itself. So it
is never alone here, nothing is signalled by it, and people are told where it counts.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

# Linux has no higher number (PID_MAX_LIMIT).
HIGHEST = 1 << 22
PROC = Path("/proc")
# Fields of /proc/<pid>/stat, counted from 1.
STATE, START = 3, 22


@dataclass(frozen=True, slots=True)
class Process:
    """A process, as it describes itself; of one machine in it, where `opening` is told.

    `pid` is 0 where it is not known. `started` (tick and boot) and `namespace` (in which the number
    counts) are empty where the system does not tell. `opening` is drawn anew for each time that a
    folder is held: a process has many machines, and a number may come again.
    """

    pid: int = 0
    started: str = ""
    namespace: str = ""
    opening: str = ""

    def is_same(self, other: "Process") -> bool:
        """Whether both are one process, as far as both tell; never when a number is unknown."""
        pairs = zip(astuple(self)[1:], astuple(other)[1:], strict=True)
        differ = any(mine and its and mine != its for mine, its in pairs)
        return self.pid == other.pid > 0 and not differ

    @property
    def pid_here(self) -> int:
        """Its number where the number counts for us too, else 0."""
        ours = _namespace()
        return 0 if self.namespace and ours and self.namespace != ours else self.pid

    @property
    def is_stopped(self) -> bool:
        """Whether a signal (SIGSTOP) stopped it, so that it answers nobody for now."""
        return bool(self.pid_here) and _stat(str(self.pid), STATE) in ("T", "t")

    def text(self) -> str:
        """As a file keeps it."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        if not self.pid:
            return "process unknown"
        return f"process {self.pid}{'' if self.pid_here else ' of another PID namespace'}"


def current() -> Process:
    """The one that asks."""
    return Process(os.getpid(), _started("self"), _namespace())


def child(pid: int) -> Process:
    """One that the caller started and has not waited for: its number can't be another's yet."""
    # A /proc of another PID namespace shows strangers under our numbers.
    fits = _shown(lambda: str((PROC / "self").readlink())) == str(os.getpid())
    return Process(pid, _started(str(pid)) if fits else "", _namespace())


def parsed(text: str) -> Process:
    """From a file. Whatever says no process is an unknown one.

    A number alone is what earlier versions wrote.
    """
    try:
        values = json.loads(text)
        found = Process(**values) if isinstance(values, dict) else Process(values)
    except (ValueError, TypeError, RecursionError):
        return Process()
    right = [type(value) for value in astuple(found)] == [int, str, str, str]
    return found if right and 0 < found.pid <= HIGHEST else Process()


def _namespace() -> str:
    return _shown(lambda: str((PROC / "self/ns/pid").readlink()))


def _started(name: str) -> str:
    """The tick of its start, and the boot that it is counted from."""
    tick = _stat(name, START)
    boot = _shown((PROC / "sys/kernel/random/boot_id").read_text)
    return tick and f"{tick} {boot}".strip()


def _stat(name: str, field: int) -> str:
    """A field of /proc/<pid>/stat, proc(5), after the name of the program: that is in brackets, and
    may hold blanks.
    """
    return _shown(lambda: (PROC / name / "stat").read_text().rpartition(")")[2].split()[field - 3])


def _shown(look: Callable[[], str]) -> str:
    """What the system shows, or nothing."""
    try:
        return look()
    except (OSError, IndexError):
        return ""

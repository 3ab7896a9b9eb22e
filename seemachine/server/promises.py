"""What the settings of machines promise, held against what the system allows their process.

What does not fit is said with what to do, and fewer connections are served, so that the machine
keeps what it needs for itself.
"""

import ctypes
import os
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

from seemachine.config import Config
from seemachine.frozen import frozen
from seemachine.process.descriptors import Descriptors
from seemachine.process.shortage import ADVICE, DESCRIPTORS, MEMORY, ROOM, THREADS

# The log's, three for signing and pages, one that is kept, and the first one are in it.
OTHER_THREADS = 8
# Beside what connections hold: stacks of threads, and the largest request while it is taken apart.
OWN_MEMORY = 384 << 20
# A frame that comes in, and a reply that goes out.
FRAMES = 2
# Connections, however little memory there is.
FEWEST = 8
LEAST_ROOM = 16 << 20
CONTROL = Path("/sys/fs/cgroup")
# Of mallopt(3).
M_ARENA_MAX = -8


@frozen
class System:
    """What there is for this process. None: no limit. Bytes, and threads of its user."""

    memory: int | None = None
    used: int = 0
    threads: int | None = None
    room: int | None = None


@frozen
class Shortfall:
    """`connections`: how many are served at one time for it; None where it changes nothing."""

    lack: str
    allowed: int
    wanted: int
    connections: int | None = None

    @property
    def details(self) -> dict[str, object]:
        """For the log."""
        common = {"of": self.lack, "allowed": self.allowed, "wanted": self.wanted}
        if self.connections is None:
            return {**common, "detail": ADVICE[self.lack]}
        fewer = {"connections": self.connections}
        return {**common, **fewer, "detail": f"{ADVICE[self.lack]}, or lower limits.connections"}


def shortfalls(
    configs: Sequence[Config],
    descriptors: Descriptors,
    threads: int,
    system: System,
) -> Iterator[Shortfall]:
    """All that does not fit for the machines of a process together. `threads` is how many requests
    may be worked on at one time.
    """
    limits = [config.limits for config in configs]
    promised = sum(limit.connections for limit in limits)
    if not descriptors.enough:
        served = descriptors.connections
        yield Shortfall(DESCRIPTORS, descriptors.allowed, descriptors.wanted, served)
    each = FRAMES * max(limit.frame_bytes for limit in limits)
    wanted = system.used + OWN_MEMORY + promised * each
    if system.memory is not None and system.memory < wanted:
        left = system.memory - system.used - OWN_MEMORY
        served = max(FEWEST * len(configs), left // each)
        yield Shortfall(MEMORY, system.memory, wanted, min(promised, served))
    wanted = threads + OTHER_THREADS
    if system.threads is not None and system.threads < wanted:
        yield Shortfall(THREADS, system.threads, wanted)
    if system.room is not None and system.room < LEAST_ROOM:
        yield Shortfall(ROOM, system.room, LEAST_ROOM)


def system(folder: Path) -> System:
    """As it is now, for a machine whose state lies in `folder`."""
    # The kernel counts threads of a user, and none of root's; and those of a container or service.
    of_user = _limit(resource.RLIMIT_NPROC) if os.geteuid() else None
    while not folder.exists():
        folder = folder.parent
    disk = os.statvfs(folder)
    room = disk.f_bavail * disk.f_frsize
    return System(_memory(), _used(), _least(of_user, _of_service()), room)


def keep_together() -> None:
    """Where memory is limited: not 64 MiB of address space for every thread, as glibc does it."""
    if _memory() is not None:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_ARENA_MAX, 1)


def _memory() -> int | None:
    return _least(_limit(resource.RLIMIT_AS), _limit(resource.RLIMIT_DATA))


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _limit(number: int) -> int | None:
    soft, _ = resource.getrlimit(number)
    return None if soft == resource.RLIM_INFINITY else soft


def _of_service(proc: Path = Path("/proc/self/cgroup"), root: Path = CONTROL) -> int | None:
    """Threads that our control group may have (cgroup v2, pids.max); None where nobody tells."""
    try:
        [own] = [line[3:] for line in proc.read_text().splitlines() if line.startswith("0::")]
        return int((root / own.lstrip("/") / "pids.max").read_text())
    except (OSError, ValueError):
        return None


def _used() -> int:
    """Bytes of address space that this process has; 0 where nobody tells."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 0

"""How memory could get onto a disk: core dumps, and pages that are swapped out.

Both are prevented where the system lets us.

Memory is locked as it is touched (MCL_ONFAULT). Locking all that is mapped would fill the stack of
every thread: three times the memory on the reference machine, for nothing. The kernel counts what
is mapped, hundreds of MiB, so below a limit on locked memory a later thread or allocation would
fail in the middle of work: then nothing is locked.
"""

import ctypes
import os
import platform
import resource
import sys
from pathlib import Path

PR_SET_DUMPABLE = 4
# MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT: three bits in a row, which some processors have elsewhere.
LOCK_ALL, SHIFTED = 0b111, 13
CAP_IPC_LOCK = 1 << 14
ALL_USERS = ["0", "0", "4294967295"]


class CannotHarden(Exception):
    """A protection that was asked for can't be had. The text says why and what to do."""


def harden(lock_memory: str) -> dict[str, str]:
    """Protect this process, to be called before it reads any secret.

    Returns what is in force, for the log. Raises CannotHarden.

    `lock_memory` is `auto` (where the system allows it), `yes` (or else refuse to start), or `no`.
    """
    in_force = {"core_dumps": _without_cores()}
    hindrance = "not wanted" if lock_memory == "no" else _lock()
    if hindrance and lock_memory == "yes":
        raise CannotHarden(f"memory can't be locked: {hindrance}; or set lock_memory = auto")
    return in_force | {"locked_memory": f"no: {hindrance}" if hindrance else "yes"}


def _without_cores() -> str:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A program that the kernel pipes cores into gets them whatever the limit is, but not of a
    # process that is not dumpable.
    # Where Python came without ctypes, a stand-in has no functions.
    prctl = getattr(_libc(), "prctl", None)
    if (
        sys.platform == "linux"
        and prctl is not None
        and prctl(PR_SET_DUMPABLE, ctypes.c_ulong(0)) == 0
    ):
        return "off, not even for a debugger"
    return "off"


def _lock() -> str:
    """Lock the memory of this process, now and later. Returns why it could not be, or nothing."""
    if sys.platform != "linux":
        return "this system can't lock what is yet to be touched"
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit != resource.RLIM_INFINITY and not _above_limits():
        return (
            f"the limit is {limit >> 10} KiB (RLIMIT_MEMLOCK); raise it to unlimited, such as by"
            " LimitMEMLOCK=infinity of systemd"
        )
    flags = LOCK_ALL << SHIFTED if platform.machine().startswith(("ppc", "sparc")) else LOCK_ALL
    mlockall = getattr(_libc(), "mlockall", None)
    if mlockall is None:
        return "this Python can't ask for it"
    return os.strerror(ctypes.get_errno()) if mlockall(flags) else ""


def _above_limits() -> bool:
    """Whether the limit is not for us: with CAP_IPC_LOCK, which counts for nothing in a user
    namespace.
    """
    try:
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
    except OSError:
        return False  # a container need not have /proc, and then nobody tells
    users = Path("/proc/self/uid_map")
    return bool(int(status["CapEff"], 16) & CAP_IPC_LOCK) and (
        not users.exists() or users.read_text().split() == ALL_USERS
    )


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

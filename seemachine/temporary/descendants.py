"""What a command leaves running.

Who adopts orphans (seemachine.process.fork_server) becomes the parent of whatever a command started
and left, also of what went into a session of its own. Where the system has no such parents, nothing
is found here.

A child is signalled by a handle, and its number is its own until it was waited for.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# For what ends by itself, such as the `tee` of a shell, which reads what is left.
MOMENT = 0.5
# From a request to end until the end.
GRACE = 5.0
# Not even a kill ends what waits for a disk that hangs.
PATIENCE = 10.0
LOOK_SECONDS = 0.005
# Looks in a row that showed no child where there are some.
MOST_UNSEEN = 20
PROC = Path("/proc")


def end_all(moment: float = MOMENT) -> None:
    """Have all children end: they have a moment, are asked to, then killed. Returns when none is
    left, or none can be seen.
    """
    began, told, unseen = time.monotonic(), set[tuple[int, int]](), 0
    while there_are() and (waited := time.monotonic() - began) < moment + PATIENCE:
        if waited >= moment:
            number = signal.SIGKILL if waited >= moment + GRACE else signal.SIGTERM
            found = {(pid, number) for pid in living()}
            for pid, _ in found - told:
                _tell(pid, number)
            told |= found
            unseen = 0 if found else unseen + 1
        if unseen > MOST_UNSEEN:
            return
        reap()
        time.sleep(LOOK_SECONDS)


def there_are() -> bool:
    """Whether this process has children, ended or not."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    # macOS had no such call for long, nor has it parents of orphans.
    except (ChildProcessError, AttributeError):
        return False
    return True


def reap(but: int = 0) -> None:
    """Wait for those that have ended; for one, somebody else does."""
    with suppress(ChildProcessError, AttributeError):
        while end := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if end.si_pid == but:
                return
            os.waitid(os.P_PID, end.si_pid, os.WEXITED | os.WNOHANG)


def living() -> Iterator[int]:
    """The children of this process, as far as the system shows them."""
    with suppress(OSError):
        # A /proc of another PID namespace shows strangers under our numbers.
        if str((PROC / "self").readlink()) != str(os.getpid()):
            return
        for stat in PROC.glob("[0-9]*/stat"):
            with suppress(OSError):
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
                if state != "Z" and int(parent) == os.getpid():
                    yield int(stat.parent.name)


def _tell(pid: int, number: int) -> None:
    with suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            # Raises where it is no child of ours.
            os.waitid(os.P_PIDFD, handle, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            signal.pidfd_send_signal(handle, number)
            # One that is stopped would not hear it.
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        finally:
            os.close(handle)

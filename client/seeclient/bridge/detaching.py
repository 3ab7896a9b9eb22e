"""How the helper leaves its host: no descriptors of it, no child of it."""

import os
from pathlib import Path

OWN = Path("/proc/self/fd")
STANDARD = 3


def detach(kept: int) -> None:
    """Go on as a process that the host does not wait for, with the standard streams and `kept`.

    The host waits for the process that it started, which ends here. A descriptor of the host that
    stayed open, such as the end of a pipe, would keep its peers waiting.
    """
    for number in _numbers():
        if number >= STANDARD and number != kept:
            _close(number)
    if os.fork():
        os._exit(0)


def _numbers() -> list[int]:
    try:
        return [int(name) for name in os.listdir(OWN)]  # noqa: PTH208
    except OSError:
        return list(range(STANDARD, 256))


def _close(number: int) -> None:
    try:
        os.close(number)
    except OSError:
        return

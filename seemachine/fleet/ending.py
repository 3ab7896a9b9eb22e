"""Having machines and supervisors end: they are asked to.

Nothing is signalled here, whatever a file says who holds a folder.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from seemachine.process.identity import Process
from seemachine.state.disk.lock import asking, holder, listens
from seemachine.state.errors import StateLocked

STOP_SECONDS = 60.0
# For holders that don't show that they look for requests. Ours show it before anything else.
STRANGER_SECONDS = 5.0
LOOK_SECONDS = 0.05
# Each that is asked takes a descriptor.
AT_ONCE = 200


def end(folders: Iterable[Path], log: Path) -> None:
    """Ask the holders of folders to let go, and wait until all have.

    Raises StateLocked with what to do about one that has not.
    """
    held = [folder for folder in folders if holder(folder) is not None]
    for first in range(0, len(held), AT_ONCE):
        _end_together(held[first : first + AT_ONCE], log)


def _end_together(held: Sequence[Path], log: Path) -> None:
    began = time.monotonic()
    with ExitStack() as requests:
        for folder in held:
            requests.enter_context(asking(folder))
        while left := [folder for folder in held if holder(folder) is not None]:
            patience = STOP_SECONDS if any(map(listens, left)) else STRANGER_SECONDS
            if time.monotonic() - began > patience:
                raise StateLocked(_why(min(left, key=listens), log))
            time.sleep(LOOK_SECONDS)


def _why(folder: Path, log: Path) -> str:
    who = holder(folder) or Process()
    if listens(folder):
        return f"{who} did not stop within {STOP_SECONDS:g} s; it holds {folder}; look at {log}"
    return (
        f"something that takes no requests holds {folder} and was left alone: a restore, a machine "
        f"of an earlier version, or none of ours. The file lock there says {who}, which may be "
        f"wrong; see who it is with: fuser -v {folder}; end that, and try again"
    )

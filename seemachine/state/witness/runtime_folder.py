"""The folder of the runtime witness: where a host has it, that it is its user's alone, and files in
it, of which there are never too many.
"""

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from seemachine.formats import Format
from seemachine.state.disk.checksummed import check_version
from seemachine.state.disk.durable import replace_file
from seemachine.state.disk.held import MADE, held
from seemachine.state.errors import StateFailed

OFF = "off"
AUTO = "auto"
# Of each kind, for several fleets of a thousand machines; those that were not written for longest
# are forgotten.
MOST_FILES = 4096
# Of those that there may be, one part in so many is forgotten at a time: who comes next finds room.
PARTS = 16
# For how many more there is room before this process looks again: others make some, too.
_room: Counter[tuple[Path, str]] = Counter()
VERSION = "version"
FORMAT = Format("runtime witness")


def runtime_folder(chosen: str, environment: Mapping[str, str], user: int) -> Path | None:
    """Where the runtime witness of a user lies: as chosen, else in the first runtime folder that
    the host has.
    """
    if chosen == OFF:
        return None
    if chosen != AUTO:
        return Path(chosen).expanduser().absolute()
    # systemd makes one for a service, another for a user's session.
    for variable, below in (("RUNTIME_DIRECTORY", ""), ("XDG_RUNTIME_DIR", "seemachine")):
        given = environment.get(variable, "").partition(":")[0]
        if Path(given).is_absolute():
            return Path(given) / below
    # The last one is everybody's; `_refuse_shared` takes no folder that somebody else made there.
    places = (
        f"/run/user/{user}/seemachine",
        "/run/seemachine",
        f"/dev/shm/seemachine-{user}",  # noqa: S108
    )
    folders = (Path(place) for place in places)
    return next((folder for folder in folders if os.access(folder.parent, os.W_OK | os.X_OK)), None)


def check_folder(folder: Path) -> None:
    """Refuse one that others can enter, or that another version uses.

    Raises StateFailed, StateOtherVersion, StateCorrupt, OSError.
    """
    _refuse_shared(folder)
    _check_version(folder / VERSION)


def held_file(path: Path) -> AbstractContextManager[int]:
    """A file that is open, and that no other process has meanwhile. Raises OSError."""
    if not path.exists():
        forget_oldest(path.parent, path.suffix)
    return held(path, MADE)


def forget_oldest(folder: Path, suffix: str) -> None:
    """Make room for one more file where there are too many.

    Those in use were written last, and stay.
    """
    if _room[folder, suffix] > 0:
        _room[folder, suffix] -= 1
        return
    names = [name for name in os.listdir(folder) if name.endswith(suffix)]  # noqa: PTH208
    if len(names) >= MOST_FILES:
        files = sorted(map(folder.joinpath, names), key=_written)
        for path in files[: len(files) - MOST_FILES + max(1, MOST_FILES // PARTS)]:
            path.unlink(missing_ok=True)
    _room[folder, suffix] = (MOST_FILES - len(names)) // PARTS


def _written(path: Path) -> float:
    # Another machine may make room at the same time.
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0


def _refuse_shared(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise StateFailed(
            f"{folder} is not this user's alone; remove it, or choose another folder for the"
            " runtime witness"
        )


def _check_version(path: Path) -> None:
    """Of all that is in the folder; what is in leases/ has none of its own.

    Raises StateOtherVersion, StateCorrupt.
    """
    if not path.exists():
        replace_file(path, str(FORMAT).encode())
    check_version(FORMAT, path.read_text(errors="replace").strip(), str(path.parent))

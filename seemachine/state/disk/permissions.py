"""Whether what a machine keeps is for its user alone.

It is made so; this notices what was opened or given away since.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from seemachine.state.errors import StateUnsafe
from seemachine.world import World

# Of a world, besides the machine's own folder: everything below these is secret, or what the
# promise about leaves rests on.
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_modes(world: World, machine: Path) -> None:
    """Refuse state that others may read or write, or that is somebody else's.

    What is not there yet is in order. Raises StateUnsafe.
    """
    for folder in (world.folder, machine.parent):
        _check(folder, folder, OTHERS_WRITE, "go-w")
    for kept in (machine, world.cards, world.witness, world.key_file):
        for path in _below(kept):
            _check(path, kept, OTHERS, "-R go-rwx")


def _check(path: Path, kept: Path, forbidden: int, remedy: str) -> None:
    try:
        found = path.stat()
    # Cards are moved while we look.
    except FileNotFoundError:
        return
    if found.st_uid != os.geteuid():
        raise StateUnsafe(
            f"{path} belongs to user {found.st_uid}, not to the one who runs this; run: chown -R"
            f" {os.geteuid()} {kept}"
        )
    if found.st_mode & forbidden:
        raise StateUnsafe(
            f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}); run: chmod"
            f" {remedy} {kept}"
        )


def _below(kept: Path) -> Iterator[Path]:
    yield kept
    for folder, folders, files in os.walk(kept):
        yield from (Path(folder, name) for name in (*folders, *files))

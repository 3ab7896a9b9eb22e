"""How often each thing was made in a seeded world: what is made next must be another one.

`generations` of the world folder is a file that names itself (`state/witness/record_file.py`). What
was copied there or put back, byte by byte into the very file even, is not the one that was written
last and shows it: then nothing is made any more. Each thing has a note there, its highest number.

Order, never to be changed: the number is durable, then the key is drawn. A crash in between loses a
key that nobody has seen; in the other order it could be made twice, and each time sign with its
first leaf.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from seemachine.chance.seed_file import ANEW, SeedFile
from seemachine.state.disk.durable import no_room
from seemachine.state.disk.held import held
from seemachine.state.errors import (
    DiskFull,
    StateCopied,
    StateCorrupt,
    StateFailed,
    StateOtherVersion,
)
from seemachine.state.witness.record_file import WitnessFile
from seemachine.state.witness.record_layout import HEAD_BYTES, NAME_BYTES, SLOT, SPARE
from seemachine.world import World

# Of a file in which nothing was counted yet.
FRESH_BYTES = HEAD_BYTES + SPARE * SLOT.size


class Generations:
    """The count of one machine. All machines of the world share the file, in any processes."""

    def __init__(self, world: World, seed_file: SeedFile, esn: str) -> None:
        self._world, self._id, self._esn = world, seed_file.world, esn

    def next_number(self, what: str, label: str) -> int:
        """Which one of these is made now, from 1 on. No other call gets that number, in any
        process.

        Raises StateError.
        """
        path, name = self._world.generations, _name(self._esn, what, label)
        try:
            # One after the other: of the world's files the seed file is never replaced.
            with held(self._world.seed_file), _kept(path, self._id) as file:
                number = file.noted(name).get(0, 0) + 1
                file.note(name, 0, number)
                file.renew(file.head)
        except OSError as error:
            kind = DiskFull if no_room(error) else StateFailed
            raise kind(f"{path}: {error.strerror}; no key was made") from error
        return number


def make(path: Path, world: bytes) -> None:
    """That of a world, with nothing counted, durable. Raises StateError, OSError."""
    path.unlink(missing_ok=True)
    with contextlib.closing(WitnessFile(path)) as file:
        file.renew({"world": world})


def has_counted(path: Path) -> bool:
    """Whether something may have been made by it: it is there, and is not as `make` leaves it."""
    return path.exists() and path.stat().st_size not in (0, FRESH_BYTES)


@contextlib.contextmanager
def _kept(path: Path, world: bytes) -> Iterator[WitnessFile]:
    """The file that was written last in this world, and no other. Raises StateError, OSError."""
    if not path.exists():
        raise StateCopied(f"{path} is missing: keys could be made a second time; {ANEW}")
    try:
        file = WitnessFile(path)
    except StateOtherVersion:
        raise
    except StateCorrupt:
        raise StateCorrupt(f"{path} is damaged: keys could be made a second time; {ANEW}") from None
    with contextlib.closing(file):
        if file.fault or file.head.get("world") != world:
            raise StateCopied(
                f"{path} is a copy, or was put back: the keys that come next may have been made"
                f" already; {ANEW}"
            )
        yield file


def _name(*parts: str) -> bytes:
    """What a thing is called in the file: a digest, for it has room for no more."""
    packed = b"".join(len(part).to_bytes(4, "big") + part for part in map(str.encode, parts))
    return hashlib.sha256(packed).digest()[:NAME_BYTES]

"""How often each thing was made in a seeded world: what is made next must be another one.

    generations               of all machines of the world, a line for each
    hsm/<ESN>/generations     those of one machine once more

A line is a JSON list: ESN, what, label, which one of these it is from 1 on, and a checksum. Lines
are added, and never changed.

Order, never to be changed: the line is durable in both files, then the key is drawn. A crash in
between loses a key that nobody has seen; in the other order it could be made twice, and each time
sign with its first leaf.

The higher of the two files counts, so one of them may be lost, or be put back. But the file of the
world must be the very one that was made with the world: a copy of the world would count on from
where its original stands, and make the same keys.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from seemachine.chance.seed_file import ANEW, SeedFile
from seemachine.frozen import frozen
from seemachine.state.disk.durable import (
    PRIVATE_FILE,
    flush_folder,
    no_room,
    private_folder,
    write_end,
)
from seemachine.state.disk.file_identity import handle_of, same_file
from seemachine.state.errors import DiskFull, StateCopied, StateCorrupt, StateFailed
from seemachine.world import World

FILE_NAME = "generations"
CHECK_DIGITS = 8
# ESN, what, label.
Thing = tuple[str, str, str]


def next_number(world: World, seed_file: SeedFile, thing: Thing) -> int:
    """Which one of these is made now, from 1 on. No other call gets that number, in any process.

    Raises StateCopied, StateCorrupt, StateFailed.
    """
    own = world.hsm(thing[0]) / FILE_NAME
    try:
        with _held(world.generations, seed_file):
            private_folder(own.parent)
            common, ours = _read(world.generations), _read(own)
            number = max(common.known.get(thing, 0), ours.known.get(thing, 0)) + 1
            # Of this machine: what one file lost, or never had, is in both again.
            of_machine = {each: n for each, n in common.known.items() if each[0] == thing[0]}
            _bring(common, {**ours.known, thing: number})
            _bring(ours, {**of_machine, thing: number})
    except OSError as error:
        kind = DiskFull if no_room(error) else StateFailed
        raise kind(f"{world.generations}: {error.strerror}; no key was made") from error
    return number


@contextlib.contextmanager
def _held(path: Path, seed_file: SeedFile) -> Iterator[None]:
    """The file of the world, held still. Raises StateCopied, OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise StateCopied(f"{path} is missing: keys could be made a second time; {ANEW}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not same_file(seed_file.place, handle_of(path)):
            raise StateCopied(
                f"{path} is a copy, or was put back: the keys that come next may have been made"
                f" already; {ANEW}"
            )
        yield
    finally:
        os.close(descriptor)


@frozen
class _Kept:
    """What a file says: the highest number of each thing, and where its last whole line ends. What
    follows that was being written when its process or host died, so nothing was made of it.
    """

    path: Path
    known: dict[Thing, int]
    end: int


def _read(path: Path) -> _Kept:
    data = path.read_bytes() if path.exists() else b""
    end = data.rfind(b"\n") + 1
    known: dict[Thing, int] = {}
    for line in data[:end].splitlines():
        thing, number = _parsed(path, line)
        known[thing] = max(number, known.get(thing, 0))
    return _Kept(path, known, end)


def _parsed(path: Path, line: bytes) -> tuple[Thing, int]:
    try:
        esn, what, label, number, _ = json.loads(line)
        if line == _line((esn, what, label), number) and type(number) is int:
            return (esn, what, label), number
    except (ValueError, TypeError, RecursionError):
        pass
    raise StateCorrupt(f"{path} is damaged: keys could be made a second time; {ANEW}")


def _line(thing: Thing, number: int) -> bytes:
    values = [*thing, number]
    check = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:CHECK_DIGITS]
    return json.dumps([*values, check]).encode()


def _bring(kept: _Kept, numbers: Mapping[Thing, int]) -> None:
    """A file up to these numbers, durably."""
    higher = [(each, n) for each, n in numbers.items() if n > kept.known.get(each, 0)]
    lines = b"".join(_line(each, n) + b"\n" for each, n in higher)
    write_end(kept.path, kept.end, lines)
    if not kept.end:
        flush_folder(kept.path.parent)


def make(path: Path) -> None:
    """That of a world, empty and durable."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
    flush_folder(path.parent)

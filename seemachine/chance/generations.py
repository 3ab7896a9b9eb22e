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
from seemachine.state.disk.durable import (
    PRIVATE_FILE,
    flush,
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
# Inode, size, time of the last write; None where there is no file.
State = tuple[int, int, int] | None


class Generations:
    """The count of one machine. Several may share the files, in any processes."""

    def __init__(self, world: World, seed_file: SeedFile, esn: str) -> None:
        self._common, self._own = _Kept(world.generations), _Kept(world.hsm(esn) / FILE_NAME)
        self._place, self._esn = seed_file.place, esn
        # Of this machine, by either file, or by one as it was before it was put back.
        self._ever: dict[Thing, int] = {}

    def next_number(self, what: str, label: str) -> int:
        """Which one of these is made now, from 1 on. No other call gets that number, in any
        process.

        Raises StateCopied, StateCorrupt, StateFailed.
        """
        common, own, thing = self._common, self._own, (self._esn, what, label)
        try:
            with _held(common.path, self._place):
                private_folder(own.path.parent)
                for kept in (common, own):
                    self._learn(kept.read())
                number = self._ever[thing] = self._ever.get(thing, 0) + 1
                # What one of them lost, or never had, is in both again.
                for kept in (common, own):
                    kept.bring(self._ever)
        except OSError as error:
            kind = DiskFull if no_room(error) else StateFailed
            raise kind(f"{common.path}: {error.strerror}; no key was made") from error
        return number

    def _learn(self, found: Mapping[Thing, int]) -> None:
        for thing, number in found.items():
            if thing[0] == self._esn:
                self._ever[thing] = max(number, self._ever.get(thing, 0))


@contextlib.contextmanager
def _held(path: Path, place: bytes) -> Iterator[None]:
    """The file of the world, held still. Raises StateCopied, OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise StateCopied(f"{path} is missing: keys could be made a second time; {ANEW}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not same_file(place, handle_of(path)):
            raise StateCopied(
                f"{path} is a copy, or was put back: the keys that come next may have been made"
                f" already; {ANEW}"
            )
        yield
    finally:
        os.close(descriptor)


class _Kept:
    """A file: the highest number of each thing in it, and where its last whole line ends. What
    follows that was being written when its process or host died, so nothing was made of it.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._known, self._end = path, dict[Thing, int](), 0
        # As it was when it was read or written last.
        self._seen: State = None

    def read(self) -> Mapping[Thing, int]:
        """What is in it. Raises StateCorrupt, OSError."""
        state = _state(self.path)
        if state != self._seen:
            data = b"" if state is None else self.path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            # A later line of a thing has a higher number.
            self._known = dict(_parsed(self.path, line) for line in whole.splitlines())
            self._end, self._seen = len(whole), state
        return self._known

    def bring(self, numbers: Mapping[Thing, int]) -> None:
        """Up to these numbers, durably. Raises OSError."""
        higher = {each: n for each, n in numbers.items() if n > self._known.get(each, 0)}
        lines = b"".join(_line(each, n) + b"\n" for each, n in higher.items())
        write_end(self.path, self._end, lines)
        if not self._end:
            flush_folder(self.path.parent)
        self._known |= higher
        self._end, self._seen = self._end + len(lines), _state(self.path)


def _state(path: Path) -> State:
    """What is another one after somebody else wrote the file, or put another in its place."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


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


def make(path: Path) -> None:
    """That of a world, empty and durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)
    flush_folder(path.parent)

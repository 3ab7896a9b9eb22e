"""What a disk may hold after a crash: what was flushed for certain, and of the rest anything.

The classes of states are those of SQLite's test6.c, ALICE (Pillai et al., OSDI 2014) and
CrashMonkey (Mohan et al., OSDI 2018): un-flushed changes all kept, all lost, one of them lost, torn
at sectors, overwritten with garbage, or any subset of them in any order of arrival.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from crash.operations import (
    Change,
    Link,
    Mark,
    Operation,
    Rename,
    Sync,
    SyncFolder,
    Truncate,
    Unlink,
    Write,
)

SECTOR = 512
SUBSETS = 6

# Path below the root: the bytes of a file, or None for a folder.
Image = dict[str, bytes | None]


@dataclass(frozen=True, slots=True)
class State:
    """A disk after a crash, and which class of states it is of.

    `twice`: a move to another folder left the file in both.
    """

    kind: str
    image: Image
    twice: bool


class Disk:
    """Follows a log: `files` and `names` are flushed, `pending` are the changes that are not,
    oldest first.
    """

    def __init__(self, base: Image) -> None:
        self.files: dict[int, bytes] = {}
        self.names: dict[str, int | None] = {}
        self.pending: list[Change] = []
        for number, (path, data) in enumerate(base.items()):
            self.names[path] = None if data is None else number
            if data is not None:
                self.files[number] = data

    def apply(self, operation: Operation) -> None:
        """The next operation of the log."""
        match operation:
            case Mark():
                pass
            case Sync(file):
                self._flush(
                    [
                        change
                        for change in self.pending
                        if isinstance(change, Write | Truncate) and change.file == file
                    ]
                )
            case SyncFolder(path):
                self._flush(
                    [change for change in self.pending if _folder(change) == PurePath(path)]
                )
            case _:
                self.pending.append(operation)

    def _flush(self, done: list[Change]) -> None:
        # A move to another folder is one entry of a journal: where its end is on the disk, so is
        # its beginning.
        moved = {change.moved_to for change in done if isinstance(change, Unlink)}
        done += [
            change
            for change in self.pending
            if isinstance(change, Link) and change.path in moved and change not in done
        ]
        kept = [change for change in self.pending if change in done]
        self.pending = [change for change in self.pending if change not in done]
        for change in kept:
            _change(self.files, self.names, change)

    def image(self, kept: Sequence[Change]) -> Image:
        """The disk with some changes on top of what is flushed.

        What lies in a folder without a name is not there.
        """
        return self._image(kept)[0]

    def _image(self, kept: Sequence[Change]) -> tuple[Image, bool]:
        files, names = dict(self.files), dict(self.names)
        linked = {change.path for change in kept if isinstance(change, Link)} | self.names.keys()
        half = any(
            isinstance(change, Unlink) and change.moved_to in linked and change not in kept
            for change in self.pending
        )
        for change in kept:
            # A name that moved is not gone from its old place before it is in the new one.
            if not isinstance(change, Unlink) or not change.moved_to or change.moved_to in linked:
                _change(files, names, change)
        image: Image = {}
        for path in sorted(names):
            parent = str(PurePath(path).parent)
            if parent == "." or (parent in image and image[parent] is None):
                number = names[path]
                image[path] = None if number is None else files.get(number, b"")
        numbers = [names[path] for path, data in image.items() if data is not None]
        return image, half or len(numbers) > len(set(numbers))

    def states(self, chance: random.Random, share: float = 1.0) -> Iterator[State]:
        """Every state that is tried at this point, or a share of them. Many are alike."""
        for kind, kept in self._choices(chance):
            if share < 1 and chance.random() >= share:
                continue
            yield State(kind, *self._image(kept))

    def _choices(self, chance: random.Random) -> Iterator[tuple[str, list[Change]]]:
        pending = self.pending
        yield "kept", pending
        if not pending:
            return
        yield "dropped", []
        for index, change in enumerate(pending):
            yield "one dropped", pending[:index] + pending[index + 1 :]
            yield "only one", [change]
        yield (
            "names only",
            [change for change in pending if not isinstance(change, Write | Truncate)],
        )
        yield "data only", [change for change in pending if isinstance(change, Write | Truncate)]
        yield from self._torn(chance)
        for _ in range(SUBSETS):
            subset = [change for change in pending if chance.random() < 0.5]
            yield "subset", subset
            yield (
                "torn subset",
                [
                    _some_sectors(change, chance) if isinstance(change, Write) else change
                    for change in subset
                ],
            )

    def _torn(self, chance: random.Random) -> Iterator[tuple[str, list[Change]]]:
        writes = [index for index, change in enumerate(self.pending) if isinstance(change, Write)]
        if not writes:
            return
        last = writes[-1]
        for torn in _tears(self.pending[last], chance):
            yield "torn", [*self.pending[:last], *torn, *self.pending[last + 1 :]]
            yield (
                "torn alone",
                [
                    *(
                        change
                        for change in self.pending
                        if not isinstance(change, Write | Truncate)
                    ),
                    *torn,
                ],
            )
        yield (
            "all torn",
            [
                _some_sectors(change, chance) if isinstance(change, Write) else change
                for change in self.pending
            ],
        )


def _folder(change: Change) -> PurePath | None:
    match change:
        case Link(path) | Unlink(path) | Rename(path):
            return PurePath(path).parent
        case _:
            return None


def _change(files: dict[int, bytes], names: dict[str, int | None], change: Change) -> None:
    match change:
        case Write(file, offset, data):
            old = files.get(file, b"").ljust(offset, b"\0")
            files[file] = old[:offset] + data + old[offset + len(data) :]
        case Truncate(file, size):
            files[file] = files.get(file, b"")[:size].ljust(size, b"\0")
        case Link(path, file):
            names[path] = file
        case Unlink(path):
            names.pop(path, None)
        case Rename(source, target, file):
            names.pop(source, None)
            names[target] = file


def _pieces(write: Write) -> list[Write]:
    """A write cut at the sectors of its file."""
    ends = [*range(SECTOR - write.offset % SECTOR, len(write.data), SECTOR), len(write.data)]
    return [
        Write(write.file, write.offset + first, write.data[first:end])
        for first, end in zip([0, *ends], ends, strict=False)
    ]


def _tears(write: Change, chance: random.Random) -> Iterator[list[Change]]:
    """The half of a write, each of its beginnings in whole sectors, some of its sectors, zeros in
    its place, garbage in its place.
    """
    assert isinstance(write, Write)
    yield [Write(write.file, write.offset, write.data[: len(write.data) // 2])]
    pieces: list[Change] = list(_pieces(write))
    for count in range(1, len(pieces)):
        yield pieces[:count]
        yield pieces[count:]
    yield [Write(write.file, write.offset, bytes(len(write.data)))]
    yield [Write(write.file, write.offset, chance.randbytes(len(write.data)))]


def _some_sectors(change: Write, chance: random.Random) -> Write:
    """A write of which some sectors hold zeros, or garbage, instead."""
    fillings = (bytes, chance.randbytes)
    kept = [
        piece.data if chance.random() < 0.5 else chance.choice(fillings)(len(piece.data))
        for piece in _pieces(change)
    ]
    return Write(change.file, change.offset, b"".join(kept))

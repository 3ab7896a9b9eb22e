"""What can happen to a disk.

Files have numbers, as they have inodes; names are paths below the recorded folder.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes put into a file at an offset."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file cut, or grown with zeros, to a size."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Link:
    """A new name: of a file, or of a folder where `file` is None."""

    path: str
    file: int | None


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name gone.

    `moved_to` is the new one when this is the second half of a rename into another folder.
    """

    path: str
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Rename:
    """A new name in the same folder, in place of what had it; the old name goes with it or stays
    with it.
    """

    source: str
    target: str
    file: int


@dataclass(frozen=True, slots=True)
class Sync:
    """What was written to a file is on the disk."""

    file: int


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """The names in a folder are on the disk."""

    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the scenario says has happened by now."""

    what: Any


DataChange = Write | Truncate
NameChange = Link | Unlink | Rename
Change = DataChange | NameChange
Operation = Change | Sync | SyncFolder | Mark

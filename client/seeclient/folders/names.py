"""What there is in a folder: files that are signed, and what else, which is skipped."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from seeclient import files
from seemachine.wire.status import StatusError

WHERE = "sign_folder"
SUFFIX = ".sig"
# Of the name of a journal, see seeclient.folders.journal.
START, END = ".pipsqueak-", ".journal"
JOURNAL, UNFINISHED = "a signing journal", "what a killed command left"
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Listed(Protocol):
    """Files by name, what else is there and why folders can't be read, as of `Names`."""

    @property
    def files(self) -> list[str]:
        """By name."""

    @property
    def skipped(self) -> dict[str, str]:
        """What others are."""

    @property
    def unreadable(self) -> dict[str, StatusError]:
        """Of folders."""


class Names:
    """Files by their paths within a folder, in the order of their bytes; `skipped` says of others
    what they are, `unreadable` of folders why they can't be read. Links are not followed, and the
    folder `avoided` is left out.
    """

    def __init__(self, folder: Path, avoided: Path) -> None:
        self.skipped: dict[str, str] = {}
        self.unreadable: dict[str, StatusError] = {}
        self._folder = folder
        self._avoided = avoided.stat() if avoided.exists() else None
        self.files = list(self._found())

    def _found(self) -> Iterator[str]:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            below = []
            for entry in self._entries(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    below += [] if self._is_avoided(entry) else [name]
                elif what := _what(entry):
                    self.skipped[name] = what
                else:
                    yield name
            waiting += reversed(below)

    def _entries(self, folder: str) -> "list[os.DirEntry[str]]":
        path = self._folder / folder
        try:
            with os.scandir(path) as scanned:
                return sorted(scanned, key=lambda each: os.fsencode(each.name))
        except OSError as error:
            self.unreadable[folder] = files.refusal(path, error, WHERE)
            return []

    def _is_avoided(self, entry: "os.DirEntry[str]") -> bool:
        found = self._avoided
        if found is None or entry.inode() != found.st_ino:
            return False
        return os.path.samestat(Path(entry).stat(), found)


def _what(entry: "os.DirEntry[str]") -> str:
    """What is not to be signed; nothing of a file that is."""
    if entry.is_file(follow_symlinks=False):
        return _of_commands(entry.name)
    if entry.is_symlink():
        return KINDS[stat.S_IFLNK]
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except FileNotFoundError:
        return "gone by now"
    return KINDS.get(stat.S_IFMT(mode), "not a file")


def _of_commands(name: str) -> str:
    """What commands that sign leave where they are broken off."""
    if name.startswith(START) and name.endswith(END):
        return JOURNAL
    return UNFINISHED if files.is_aside(name) else ""


def without_file(messages: Path, signatures: Path) -> list[str]:
    """The signatures, by their paths within their folder, whose files are not there."""
    found = []
    for folder, _, names in os.walk(signatures):
        inner = Path(folder).relative_to(signatures)
        for name in names:
            message = messages / inner / name.removesuffix(SUFFIX)
            if name.endswith(SUFFIX) and not os.path.lexists(message):
                found.append(str(inner / name))
    return sorted(found)

"""What of a folder is signed, and what is not: `sign` and `verify` agree on it."""

import os
from collections.abc import Iterator
from pathlib import Path

from seeclient.folders.names import JOURNAL, UNFINISHED, Names
from seeclient.folders.places import is_within

from seemachine.frozen import frozen
from seemachine.signing_files.recognizing import is_signature
from seemachine.signing_files.refusing import refuse


@frozen
class Contents:
    """By their paths in the folder: `files` are signed; `skipped` says what others are of which
    nothing is lost, such as a link to one of the files; `unsigned` what those are that somebody
    could miss.
    """

    files: list[str]
    skipped: dict[str, str]
    unsigned: dict[str, str]


def contents(folder: Path, signatures: Path) -> Contents:
    """All in a folder, but for `signatures`, which may be a folder within it and has nothing else.

    Raises StatusError.
    """
    there = _names(folder, signatures)
    _refuse_others_in(signatures, folder)
    files = set(there.files)
    skipped: dict[str, str] = {}
    unsigned: dict[str, str] = {}
    for name, what in there.skipped.items():
        if what == JOURNAL:
            skipped[name] = what
        elif _leads_to(folder / name, folder, files, signatures):
            skipped[name] = f"a link to {_target(folder / name, folder)}"
        else:
            unsigned[name] = what
    return Contents(there.files, skipped, unsigned)


def _names(folder: Path, avoided: Path) -> Names:
    found = Names(folder, avoided)
    for error in found.unreadable.values():
        raise error
    return found


def _leads_to(link: Path, folder: Path, files: set[str], signatures: Path) -> bool:
    """Whether a link leads to a file that is signed, or to a folder whose files are."""
    target = Path(os.path.realpath(link))
    inner = _target(link, folder)
    if not link.is_symlink() or not inner:
        return False
    if target.is_dir():
        return not (signatures.is_dir() and is_within(target, signatures))
    return inner in files


def _target(link: Path, folder: Path) -> str:
    """The path in the folder that a link leads to; nothing for one that leads elsewhere."""
    target, root = Path(os.path.realpath(link)), Path(os.path.realpath(folder))
    return str(target.relative_to(root)) if target.is_relative_to(root) else ""


def _refuse_others_in(signatures: Path, folder: Path) -> None:
    """What else is there is neither signed nor verified. Raises StatusError."""
    if not signatures.is_dir() or signatures.samefile(folder) or not is_within(signatures, folder):
        return
    others = list(_others(signatures))
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        refuse(
            f"{others[0]}{more} is not a signature, and is left out with {signatures}, the folder"
            f" of the signatures; take it out of there, or name another folder for them"
        )


def _others(signatures: Path) -> Iterator[Path]:
    there = _names(signatures, signatures)
    for name in there.files:
        if not is_signature(signatures / name):
            yield signatures / name
    for name, what in there.skipped.items():
        if what not in (JOURNAL, UNFINISHED):
            yield signatures / name

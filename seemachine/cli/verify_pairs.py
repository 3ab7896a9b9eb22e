"""Which signature `seemachine verify` holds against which file."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seemachine.cli.answer import Misused
from seemachine.cli.in_files import STANDARD_INPUT, is_standard_input
from seemachine.signing_files import folders, manifests
from seemachine.signing_files.recognizing import SUFFIXES
from seemachine.signing_files.refusing import refuse
from seemachine.signing_files.sources import Source

# Called with what is in a folder and skipped, and what it is.
Skip = Callable[[str, str], None]


class Pair(NamedTuple):
    """The names of a file, which was signed, and of its signature; `listed` is how a list has the
    file. `sought`: the signature is where one may be, and nobody named it.
    """

    file: str
    signature: str
    listed: Source | None = None
    sought: bool = False

    @property
    def missing(self) -> str:
        """What is said where that signature is not there."""
        others = " or ".join(SUFFIXES[1:])
        return f"there is no {self.signature}, nor one with {others}; say where with --signature"


def pairs(files: Sequence[str], signature: str | None, skip: Skip) -> list[Pair]:
    """`signature` is a file, a folder or, for those beside the files, nothing. Raises Misused,
    StatusError.
    """
    folder = None if signature is None else Path(signature)
    if folder is not None and not folder.is_dir():
        return [Pair(_only(files, folder), str(folder))]
    if STANDARD_INPUT in files:
        raise Misused("standard input has no name; name the file of its signature: --signature SIG")
    return [each for file in files for each in _of(file, folder, skip)]


def listed(manifest: Path, signature: str | None) -> list[Pair]:
    """The same of a list of files. Raises Misused, StatusError."""
    is_piped = is_standard_input(manifest)
    data = sys.stdin.buffer.read(manifests.MOST_BYTES + 1) if is_piped else None
    sources = list(manifests.sources(manifest, data))
    folder = None if signature is None else Path(signature)
    if folder is not None and not folder.is_dir():
        return [Pair(_only([each.name for each in sources], folder), str(folder), sources[0])]
    return [
        Pair(each.name, _place(_names(Path(each.name), folder)), each, sought=True)
        for each in sources
    ]


def _only(files: Sequence[str], signature: Path) -> str:
    """The one file of one signature. Raises Misused."""
    if len(files) > 1:
        raise Misused(
            f"{signature} is one signature, and {len(files)} files are named; name the folder of"
            " their signatures, or leave --signature out for those beside the files"
        )
    return files[0]


def _of(file: str, folder: Path | None, skip: Skip) -> Iterator[Pair]:
    if not Path(file).is_dir():
        yield Pair(file, _place(_names(Path(file), folder)), sought=True)
        return
    if folder is None:
        raise Misused(f"{file} is a folder; name that of its signatures with --signature")
    for name in _inside(Path(file), folder, skip):
        yield Pair(str(Path(file) / name), _place([str(folder / name)]), sought=True)


def _inside(folder: Path, signatures: Path, skip: Skip) -> list[str]:
    """What is in a folder, but for its signatures and what `sign` skips. Raises StatusError for
    what would not be verified.
    """
    found = folders.contents(folder, signatures)
    for name, what in found.skipped.items():
        skip(str(folder / name), what)
    for name, what in found.unsigned.items():
        refuse(f"{folder / name} is {what}, which is not verified; take it out of {folder}")
    if not found.files:
        refuse(f"{folder} has no files; there is nothing to verify")
    return found.files


def _place(names: Iterable[str]) -> str:
    """The first that is there; else the one that is missed."""
    wanted = [name + suffix for name in names for suffix in SUFFIXES]
    return next((name for name in wanted if Path(name).is_file()), wanted[0])


def _names(file: Path, folder: Path | None) -> Iterator[str]:
    """Where a signature may be, without its suffix: under the path of its file, or its bare
    name.
    """
    if folder is None:
        yield str(file)
        return
    if not file.is_absolute() and ".." not in file.parts:
        yield str(folder / file)
    yield str(folder / file.name)

"""Which signature `seemachine verify` holds against which file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seemachine.cli.answer import Misused
from seemachine.encodings.forms import SIGNATURE_FORMS

STANDARD_INPUT = "-"
# `.sig` first.
SUFFIXES = tuple(dict.fromkeys(form.suffix for form in SIGNATURE_FORMS.values()))


class Pair(NamedTuple):
    """The names of a file, which was signed, and of its signature."""

    file: str
    signature: str


def pairs(files: Sequence[str], signature: str | None) -> list[Pair]:
    """`signature` is a file, a folder or, for those beside the files, nothing. Raises Misused."""
    if signature is not None and not Path(signature).is_dir():
        if len(files) > 1:
            raise Misused(
                f"{signature} is one signature, and {len(files)} files are named; name the folder"
                " of their signatures, or leave --signature out for those beside the files"
            )
        return [Pair(files[0], signature)]
    if STANDARD_INPUT in files:
        raise Misused("standard input has no name; name the file of its signature: --signature SIG")
    folder = None if signature is None else Path(signature)
    return [Pair(file, _place(file, folder)) for file in files]


def refuse_two_of_input(names: Sequence[str]) -> None:
    """Standard input is one thing. Raises Misused."""
    if names.count(STANDARD_INPUT) > 1:
        raise Misused("standard input is only one of key, signature and FILE")


def _place(file: str, folder: Path | None) -> str:
    """The first that is there; else the one that is missed."""
    wanted = [name + suffix for name in _names(Path(file), folder) for suffix in SUFFIXES]
    return next((name for name in wanted if Path(name).is_file()), wanted[0])


def _names(file: Path, folder: Path | None) -> Iterator[str]:
    """Where a signature may be, without its suffix: `seemachine sign` and `pipsqueak` keep what is
    below a folder below that of the signatures.
    """
    if folder is None:
        yield str(file)
        return
    if not file.is_absolute() and ".." not in file.parts:
        yield str(folder / file)
    yield str(folder / file.name)

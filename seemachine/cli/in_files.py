"""Files that a command reads; `-` is standard input, which is one thing."""

import sys
from collections.abc import Iterable
from pathlib import Path

from seeclient import files

from seemachine.cli.answer import Misused, Refused

STANDARD_INPUT = "-"


def title(name: Path | str) -> str:
    """What to call a file."""
    return "standard input" if is_standard_input(name) else str(name)


def is_standard_input(name: Path | str | None) -> bool:
    """Whether it is named."""
    return str(name) == STANDARD_INPUT


def refuse_two_of_input(
    names: Iterable[Path | str | None], sentence: str = "standard input can be one thing"
) -> None:
    """Raises Misused."""
    if sum(map(is_standard_input, names)) > 1:
        raise Misused(sentence)


def read_file(path: Path, most: int) -> bytes:
    """The whole file, or what a pipe or a device gives.

    Raises Refused where it is longer than `most` bytes, or can't be read.
    """
    try:
        if is_standard_input(path):
            data = sys.stdin.buffer.read(most + 1)
        else:
            with path.open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise Refused(files.sentence(error, title(path))) from None
    if len(data) > most:
        raise Refused(f"{title(path)} has more than {most >> 20} MiB, the most that is taken here")
    return data

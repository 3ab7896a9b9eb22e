"""Commands that are typed in this process, where machines of a test are."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seemachine.cli.command import main
from seemachine.testing import BlockingFleet

# Exit code, standard output and standard error.
Told = tuple[int, str, str]
Command = Callable[[str], Told]
# What a command prints that is carried out, or why it is refused.
Run = Callable[[str], str]
Leaves = Callable[[], int]


@contextlib.contextmanager
def at(folder: Path, fleet: BlockingFleet) -> Iterator[None]:
    """In a folder, with the environment in which commands find the machines of a fleet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in fleet.env.items():
            patch.setenv(name, value)
        yield


def typed(line: str, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run `seemachine` with the words of a line."""
    try:
        code = main(line.split())
    except SystemExit as ending:
        code = int(str(ending.code))
    told = capsys.readouterr()
    return code, told.out, told.err


def done(told: Told) -> str:
    """What a command printed that was carried out."""
    code, out, err = told
    assert code == 0, err
    return out


def pipe_in(patch: pytest.MonkeyPatch, data: bytes) -> None:
    """What comes from standard input."""
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

"""A machine with keys, a folder of one's own, and `seemachine` in this process."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.taken_leaves import since_last

from seemachine import testing
from seemachine.cli.command import main
from seemachine.testing import BlockingFleet

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingFleet]:
    """With a key of LMS and one of ML-DSA."""
    with testing.fleet() as made, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("signing"))
        for name, value in made.env.items():
            patch.setenv(name, value)
        made.generate_lms("rel", lms="sha256_m32_h10", lmots="sha256_n32_w4")
        made.generate_mldsa("ml", "mldsa44")
        yield made


@pytest.fixture
def leaves(fleet: BlockingFleet) -> Callable[[], int]:
    """How many were taken since the last call."""
    return since_last(fleet, "rel")


@pytest.fixture
def command(fleet: BlockingFleet, capsys: Any, tmp_path: Path) -> Command:
    """Runs one; exit code, standard output, standard error."""
    del fleet
    os.chdir(tmp_path)

    def run(line: str) -> tuple[int, str, str]:
        mask = os.umask(0o022)
        try:
            code = main(line.split())
        except SystemExit as ending:
            code = int(str(ending.code))
        finally:
            os.umask(mask)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def done(command: Command) -> Callable[[str], str]:
    """What a command prints that is carried out."""

    def run(line: str) -> str:
        code, out, told = command(line)
        assert code == 0, told
        return out

    return run


@pytest.fixture
def refused(command: Command) -> Callable[[str], str]:
    """Why one is not carried out."""

    def run(line: str) -> str:
        code, _, told = command(line)
        assert code in (1, 2)
        return told

    return run

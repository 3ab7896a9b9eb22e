"""A machine with keys, a folder of one's own, and `seemachine` in this process."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.taken_leaves import since_last
from kit.typed import Command, Leaves, Run, Told, at, typed
from kit.typed import done as finished

from seemachine import testing
from seemachine.testing import BlockingFleet


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingFleet]:
    """With a key of LMS and one of ML-DSA."""
    with testing.fleet() as made, at(tmp_path_factory.mktemp("signing"), made):
        made.generate_lms("rel", lms="sha256_m32_h10", lmots="sha256_n32_w4")
        made.generate_mldsa("ml", "mldsa44")
        yield made


@pytest.fixture
def leaves(fleet: BlockingFleet) -> Leaves:
    """How many were taken since the last call."""
    return since_last(fleet, "rel")


@pytest.fixture
def command(fleet: BlockingFleet, capsys: Any, tmp_path: Path) -> Command:
    """Runs one; exit code, standard output, standard error."""
    del fleet
    os.chdir(tmp_path)

    def run(line: str) -> Told:
        mask = os.umask(0o022)
        try:
            return typed(line, capsys)
        finally:
            os.umask(mask)

    return run


@pytest.fixture
def done(command: Command) -> Run:
    """What a command prints that is carried out."""
    return lambda line: finished(command(line))


@pytest.fixture
def refused(command: Command) -> Run:
    """Why one is not carried out."""

    def run(line: str) -> str:
        code, _, told = command(line)
        assert code in (1, 2)
        return told

    return run

"""The environment of a user who runs commands with machines, and one that runs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import processes
from temporary.runs import Running


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """That of a user who has another world, and machines elsewhere."""
    elsewhere = {"SEEMACHINE_FLEET": "127.0.0.1:1", "NFAST_KMLOCAL": "/nonexistent"}
    return processes.environment(tmp_path / "another", TMPDIR=str(tmp_path), **elsewhere)


@pytest.fixture
def stay(env: dict[str, str]) -> Iterator[Running]:
    """A command that stays."""
    with contextlib.closing(Running(env, [])) as running:
        yield running

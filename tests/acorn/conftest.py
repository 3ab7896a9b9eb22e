"""The library as it is built here, and a world for what it does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from acorn.interface import Acorn
from kit import processes
from kit.processes import RunningMachine
from seeclient import library

from seemachine.testing import ESN


@pytest.fixture(scope="session")
def path() -> Path:
    """The library; tests without it are skipped where there was no compiler."""
    try:
        return library.path_of("acorn")
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMachine]:
    """A machine of a world of this module's own."""
    home = tmp_path_factory.mktemp("acorn") / "world"
    with processes.machines(home, (ESN, "--operator", "auto")) as [running]:
        yield running


@pytest.fixture
def acorn(path: Path, machine: RunningMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acorn]:
    """The library in this process, on that world. Its helper begins and ends with the test."""
    for name in ("NFAST_KMLOCAL", "SEEMACHINE_FLEET", "SEEMACHINE_SEEN", "PIPSQUEAK_COMPAT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEEMACHINE_HOME", str(machine.home))
    loaded = Acorn(path)
    yield loaded
    loaded.library.acorn_cleanup()

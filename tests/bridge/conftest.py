"""A machine, and the bridge as a shared library, for the tests of a file."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bridge.native import Bridge, compiled
from kit import processes
from kit.processes import RunningMachine
from kit.waiting import watched
from seeclient import blocking

from seemachine.testing import ESN

numbers = itertools.count()


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """No test hangs for good."""
    with watched():
        yield


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bridge alone, compiled."""
    return compiled(tmp_path_factory.mktemp("bridge") / "libbridge.so", "-shared")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMachine]:
    """One HSM in a process."""
    with processes.machines(tmp_path_factory.mktemp("world"), (ESN,)) as [running]:
        yield running


@pytest.fixture(autouse=True)
def environ(machine: RunningMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers find that world, and run this tree with this Python."""
    for name in ("NFAST_KMLOCAL", "SEEMACHINE_FLEET", "SEEMACHINE_SEEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEEMACHINE_HOME", str(machine.home))
    monkeypatch.setenv("SEEMACHINE_PYTHON", sys.executable)


@pytest.fixture
def bridge(library: Path) -> Iterator[Bridge]:
    """In this process, without a helper yet."""
    made = Bridge(library)
    made.close()
    yield made
    made.close()


@pytest.fixture
def alias(machine: RunningMachine) -> str:
    """A new key of 1,024 leaves."""
    name = f"key-{next(numbers)}"
    with blocking.open_fleet(world=machine.home) as fleet:
        fleet.generate_lms(name, "sha256_m24_h10", "sha256_n24_w2")
    return name

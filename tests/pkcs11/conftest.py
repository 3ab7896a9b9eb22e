"""The module as it is built here, and a world for what it does."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit import processes
from kit.cryptoki import Cryptoki
from kit.processes import RunningMachine
from kit.waiting import watched
from seeclient import blocking, library

from seemachine.testing import ESN

numbers = itertools.count()


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """No test hangs for good."""
    with watched():
        yield


@pytest.fixture(scope="session")
def path() -> Path:
    """The module; tests without it are skipped where there was no compiler."""
    try:
        return library.path_of("pkcs11")
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMachine]:
    """A machine of a world of this file's own."""
    home = tmp_path_factory.mktemp("pkcs11") / "world"
    with processes.machines(home, (ESN, "--operator", "auto")) as [running]:
        yield running


@pytest.fixture
def environ(machine: RunningMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers find that world, and run this tree with this Python."""
    for name in ("NFAST_KMLOCAL", "SEEMACHINE_FLEET", "SEEMACHINE_SEEN", "SEEMACHINE_PRELOADED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEEMACHINE_HOME", str(machine.home))
    monkeypatch.setenv("SEEMACHINE_PYTHON", sys.executable)


@pytest.fixture
def module(path: Path, environ: None) -> Iterator[Cryptoki]:
    """The module in this process, initialized."""
    loaded = Cryptoki(path)
    loaded.finalize()
    loaded.initialize()
    yield loaded
    loaded.finalize()


@pytest.fixture
def alias(machine: RunningMachine) -> str:
    """A new key of 1,024 leaves."""
    name = f"key-{next(numbers)}"
    with blocking.open_fleet(world=machine.home) as fleet:
        fleet.generate_lms(name, "sha256_m24_h10", "sha256_n24_w2")
    return name


@pytest.fixture
def leaves(machine: RunningMachine) -> Callable[[str], list[int]]:
    """The leaves of a key that its machine's ledger knows to be handed out."""

    def read(alias: str) -> list[int]:
        shell = processes.Shell(machine.home)
        code, lines = shell.seemachine("ledger", "--json-lines")
        assert code == 0, lines
        with blocking.open_fleet(world=machine.home) as fleet:
            name = fleet.key(alias).file.name.hex()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        return [row["leaf"] for row in rows if row["file"] == name]

    return read

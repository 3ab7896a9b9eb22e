"""Fixtures of the client's tests."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client.screen import LMS, say
from client.threaded import CLIENTS
from kit.processes import RunningMachine
from kit.waiting import watched
from seeclient import blocking

from seemachine import testing

numbers = itertools.count()


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """No test hangs for good."""
    with watched():
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world folder for this test; nothing of the environment leads elsewhere."""
    world = tmp_path / "world"
    world.mkdir()
    monkeypatch.setenv("SEEMACHINE_HOME", str(world))
    for name in ("NFAST_KMLOCAL", "SEEMACHINE_FLEET", "SEEMACHINE_SEEN", "PIPSQUEAK_COMPAT"):
        monkeypatch.delenv(name, raising=False)
    return world


@pytest.fixture
def rig(home: Path) -> testing.Rig:
    """A world with two machines of this process; a file that wants another has its own."""
    made = testing.Rig(home)
    made.start(testing.ESN)
    made.start(testing.OTHER_ESN)
    return made


@pytest.fixture
def fleet(rig: testing.Rig) -> Iterator[blocking.Fleet]:
    """The blocking client of it."""
    with rig.fleet() as opened:
        yield opened


@pytest.fixture(params=CLIENTS)
def open_fleet(request: pytest.FixtureRequest) -> Any:
    """The open_fleet of the trio client, and that of the blocking one in its clothes."""
    return CLIENTS[request.param]


@pytest.fixture
def alias(world: Path) -> str:
    """A new key of 32 leaves on a test file's machine."""
    del world
    name = f"key-{next(numbers)}"
    assert say("generate", f"alias={name}", *LMS)[0] == 0
    return name


@pytest.fixture
def world(machine: RunningMachine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world of a test file's machine, in the environment."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(machine.home))
    return machine.home

"""Fixtures of the server's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from kit.logs import Events
from kit.services import make_machine, make_service
from kit.waiting import watched

from seemachine.machine import Machine
from seemachine.server.service import Service


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """No test hangs for good."""
    with watched():
        yield


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that forgets."""
    return make_machine(tmp_path)


@pytest.fixture
def log() -> Events:
    """A logger that keeps what it is told."""
    return Events()


@pytest.fixture
async def service(machine: Machine, log: Events, nursery: trio.Nursery) -> Service:
    """What the sessions of `machine` share, with its signing pipeline running."""
    made = make_service(machine, log)
    nursery.start_soon(made.pipeline.run)
    return made

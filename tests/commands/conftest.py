"""Fixtures of the commands' tests: a world, its first machine, and a session with it."""

from pathlib import Path

import pytest
from kit.commands import RepeatableRig

from seemachine.machine import Machine, Session


@pytest.fixture
def world(tmp_path: Path) -> RepeatableRig:
    """A new world with an empty rack."""
    return RepeatableRig(tmp_path)


@pytest.fixture
def machine(world: RepeatableRig) -> Machine:
    """The first machine."""
    return world.machine()


@pytest.fixture
def session(machine: Machine) -> Session:
    """A connection to it."""
    return Session(machine)

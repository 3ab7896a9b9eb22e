"""Fixtures of the commands' tests: a world, its first machine, and a session with it."""

from pathlib import Path

import pytest
from commands.kit import World

from seemachine.machine import Machine, Session


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A new world with an empty rack."""
    return World(tmp_path)


@pytest.fixture
def machine(world: World) -> Machine:
    """The first machine."""
    return world.machine()


@pytest.fixture
def session(machine: Machine) -> Session:
    """A connection to it."""
    return Session(machine)

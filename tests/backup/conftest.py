"""Fixtures of the tests of backups."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from backup.two_machines import TwoMachines
from kit.stores import quick_folder

from seemachine.world import HOME_VARIABLE, KMLOCAL_VARIABLE


@pytest.fixture
def new_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], TwoMachines]]:
    """Makes worlds, each in a folder of its own; the last one is home."""
    monkeypatch.delenv(KMLOCAL_VARIABLE, raising=False)
    with ExitStack() as stack:

        def make() -> TwoMachines:
            world = TwoMachines(stack.enter_context(quick_folder()) / "world")
            stack.callback(world.down)
            monkeypatch.setenv(HOME_VARIABLE, str(world.path))
            return world

        yield make


@pytest.fixture
def world(new_world: Callable[[], TwoMachines]) -> TwoMachines:
    """A world with two machines, up."""
    return new_world().up()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a backup goes."""
    return tmp_path / "backup.tar"

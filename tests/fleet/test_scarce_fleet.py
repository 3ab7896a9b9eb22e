"""A supervisor that the system gives no more of something goes on: what failed is tried again."""

import errno
from pathlib import Path

import pytest

from seemachine.config import Config
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.supervisor import Supervisor
from seemachine.process.signals import Stopping
from seemachine.world import World

ESN = "7852-268D-3BF9"


@pytest.fixture
def fleet(tmp_path: Path) -> FleetPlan:
    """One machine."""
    machine = Config(esn=ESN, world=World.at(tmp_path), operator="manual")
    return FleetPlan(World.at(tmp_path), (machine,))


@pytest.mark.parametrize(
    "error", [RuntimeError("can't start new thread"), MemoryError(), OSError(errno.EAGAIN, "")]
)
async def test_a_machine_that_can_not_be_run_now_is_run_later(
    error: Exception,
    fleet: FleetPlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its life ends, as by a full disk, and not its supervisor."""

    async def run_once(_machine: Config) -> int:
        raise error

    supervisor = Supervisor(fleet, Stopping(), lambda: False)
    monkeypatch.setattr(supervisor, "_run_once", run_once)
    assert await supervisor._live_once(fleet.machines) == "can't be run"


async def test_a_bug_of_the_supervisor_is_one(
    fleet: FleetPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not a want of anything is not tried again and again."""

    async def run_once(_machine: Config) -> int:
        raise RuntimeError("a bug")

    supervisor = Supervisor(fleet, Stopping(), lambda: False)
    monkeypatch.setattr(supervisor, "_run_once", run_once)
    with pytest.raises(RuntimeError, match="a bug"):
        await supervisor._live_once(fleet.machines)

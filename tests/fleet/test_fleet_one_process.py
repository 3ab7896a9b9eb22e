"""`process = "one"`: all machines of a fleet in one process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.shell import FIRST, FLEET, KEY, SECOND, FleetShell
from kit.waiting import eventually

from seemachine.hsms import published
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.lock import asking, holder
from seemachine.world import World

THIRD = "0000-0000-0003"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FleetShell]:
    """A world of three machines, which is down again after the test."""
    made = FleetShell(tmp_path)
    third = f'[[machines]]\nesn = "{THIRD}"\nport = 0\n'
    (tmp_path / "fleet.toml").write_text(f'process = "one"\n{FLEET}{third}')
    yield made
    made.seemachine("fleet", "down")


def test_a_fleet_in_one_process(world: FleetShell) -> None:
    """Up, described, used, one machine stopped by itself, down: as a fleet of many processes."""
    code, lines = world.seemachine("fleet", "up", "--detach")
    assert code == 0, lines
    machines = world.status()["machines"]
    assert [machine["state"] for machine in machines] == ["up"] * 3
    assert len({machine["pid"] for machine in machines}) == 1
    assert len({machine["address"] for machine in machines}) == 3
    assert world.pipsqueak("generate", "alias=a", *KEY)[0] == 0
    assert world.seemachine("fleet", "check") == (0, ["no problems found"])

    folder = world.home / "hsm" / SECOND
    with asking(folder):
        assert eventually(lambda: holder(folder) is None)
    assert [machine["state"] for machine in world.status()["machines"]] == ["up", "down", "up"]
    code, lines = world.pipsqueak("--json", "alias=a", "message=b")
    assert (code, json.loads("\n".join(lines))["leaf"]) == (0, 0)
    assert world.seemachine("fleet", "check")[0] == 1

    assert world.seemachine("fleet", "down") == (0, [f"stopped: {FIRST}, {THIRD}"])
    assert not list(world.home.glob("published/*/*.json"))


def test_one_that_can_not_start_leaves_the_others_up(world: FleetShell) -> None:
    """`up` says why and exits with 1, `status` and `check` know the reason; once it is mended the
    next `up` has all.
    """
    folder = world.home / "hsm" / SECOND
    private_folder(folder / "nvram")
    code, lines = world.seemachine("fleet", "up", "--detach")
    why = f"it keeps its NVRAM in {folder / 'nvram'}; use --store file, or its leaves would"
    assert code == 1
    assert lines[-1].startswith(f"seemachine fleet up: {SECOND} did not start: {why}")
    rows = world.status()["machines"]
    assert [row["state"] for row in rows] == ["up", "down", "up"]
    assert rows[1]["why"].startswith(why)
    assert any(why in line for line in world.seemachine("fleet", "check")[1])
    assert world.pipsqueak() == (0, [f"PQSDK: 1.4.1 ({FIRST}: 1.4.1, {THIRD}: 1.4.1)"])
    assert world.seemachine("fleet", "down")[0] == 0

    (folder / "nvram").rmdir()
    assert world.seemachine("fleet", "up", "--detach")[0] == 0
    assert published.failure(World.at(world.home), SECOND) is None


def test_where_none_can_start_the_fleet_does_not_come_up(world: FleetShell) -> None:
    """As a fleet of many processes."""
    for esn in (FIRST, SECOND, THIRD):
        private_folder(world.home / "hsm" / esn / "nvram")
    code, lines = world.seemachine("fleet", "up", "--detach")
    assert code == 1
    assert any("the process of 3 machines did not start: it ended" in line for line in lines)
    assert all(any(f"{esn}: " in line for line in lines) for esn in (FIRST, SECOND, THIRD))

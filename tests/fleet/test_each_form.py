"""What holds of a fleet whether each machine has a process of its own or all share one."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.shell import KEY, FleetShell
from kit import processes
from kit.waiting import eventually

from seemachine.wire.entries import given_esns

SECOND, THIRD = [esn for esn, _ in zip(given_esns(()), range(2), strict=False)]
FIRST = "0000-0000-0001"


@pytest.fixture(params=("each", "one"))
def form(request: pytest.FixtureRequest) -> str:
    """How machines are spread over processes."""
    param: str = request.param
    return param


@pytest.fixture
def world(form: str, tmp_path: Path) -> Iterator[FleetShell]:
    """A world of three machines, two of which nobody named, that are up, and down again after the
    test.
    """
    made = FleetShell(tmp_path)
    named = f'[[machines]]\nesn = "{FIRST}"\nport = 0\n'
    (tmp_path / "fleet.toml").write_text(f'process = "{form}"\ncount = 3\n{named}')
    code, lines = made.seemachine("fleet", "up", "--detach")
    assert code == 0, lines
    yield made
    made.seemachine("fleet", "down")


def states(world: FleetShell) -> dict[str, str]:
    """Of each machine."""
    return {machine["esn"]: machine["state"] for machine in world.status()["machines"]}


def test_a_day_of_three_machines(world: FleetShell, form: str) -> None:
    """Their folders are locked, each has leaves of its own, a process that dies comes back with
    them, and each line of the log says whose it is.
    """
    assert states(world) == dict.fromkeys((FIRST, SECOND, THIRD), "up")
    words = ["serve", "--esn", SECOND, "--port", "0"]
    code, lines = processes.seemachine(words, world.env)
    assert code == 1
    assert "is already in use by" in lines[-1]

    for esn in (FIRST, THIRD):
        assert world.pipsqueak("generate", f"alias=of-{esn}", f"esn={esn}", *KEY)[0] == 0
    assert signed(world, FIRST) == signed(world, THIRD) == 0
    before = world.machine(THIRD)["pid"]
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: world.machine(THIRD)["pid"] not in (None, before))
    assert eventually(lambda: set(states(world).values()) == {"up"})
    assert signed(world, FIRST) == signed(world, THIRD) == 1

    text = (world.home / "fleet" / "log").read_text()
    whose = THIRD if form == "each" else "the process of 3 machines"
    assert f"{whose} was killed by SIGKILL; starting it again in 0.2 s" in text
    said = [json.loads(line) for line in text.splitlines()]
    of_machines = [line for line in said if line["event"] not in ("fleet", "hardened")]
    assert {line.get("esn") for line in of_machines} == {FIRST, SECOND, THIRD}
    assert world.seemachine("fleet", "down") == (0, [f"stopped: {FIRST}, {SECOND}, {THIRD}"])


def signed(world: FleetShell, esn: str) -> int:
    """The leaf of a signature with the key of a machine."""
    code, lines = world.pipsqueak("--json", f"alias=of-{esn}", "message=m")
    assert code == 0, lines
    leaf: int = json.loads("\n".join(lines))["leaf"]
    return leaf


def test_one_that_was_put_back_is_doubted_alone(world: FleetShell) -> None:
    """An NVRAM of yesterday gives no leaf; the other machines sign on."""
    for esn in (FIRST, SECOND):
        assert world.pipsqueak("generate", f"alias=of-{esn}", f"esn={esn}", *KEY)[0] == 0
    assert world.seemachine("fleet", "down")[0] == 0
    kept, folder = world.home / "kept", world.home / "hsm" / SECOND
    shutil.copytree(folder, kept)
    assert world.seemachine("fleet", "up", "--detach")[0] == 0
    assert signed(world, SECOND) == 0
    assert world.seemachine("fleet", "down")[0] == 0
    shutil.rmtree(folder)
    kept.rename(folder)
    assert world.seemachine("fleet", "up", "--detach")[0] == 0

    code, lines = world.pipsqueak(f"alias=of-{SECOND}", "message=m")
    assert code == 1
    assert any("in quarantine" in line for line in lines)
    assert signed(world, FIRST) == 0
    assert world.seemachine("fleet", "check")[0] == 1

"""`seemachine fleet check` on worlds in which something is wrong, with real processes."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.shell import FIRST, KEY, SECOND, FleetShell
from kit import processes
from kit.in_process import machines
from kit.processes import gone
from kit.waiting import eventually

from seemachine.hsms import published
from seemachine.world import World


def findings_of(world: FleetShell) -> list[tuple[str, str, str]]:
    """ESN, problem and advice of each finding."""
    code, lines = world.seemachine("fleet", "check", "--json")
    findings = json.loads("\n".join(lines))["findings"]
    assert code == (1 if findings else 0)
    return [(each["esn"], each["problem"], each["advice"]) for each in findings]


@pytest.fixture
def world(tmp_path: Path) -> FleetShell:
    """A world whose fleet was never up."""
    return FleetShell(tmp_path)


@pytest.fixture
def up(world: FleetShell) -> Iterator[FleetShell]:
    """A world whose fleet is up, until after the test."""
    code, lines = world.seemachine("fleet", "up", "--detach")
    assert code == 0, lines
    yield world
    world.seemachine("fleet", "down")


def test_a_fleet_in_order_and_one_that_is_down_have_nothing(up: FleetShell) -> None:
    """Nothing is found while all is well, and when it was stopped in order."""
    assert up.seemachine("fleet", "check") == (0, ["no problems found"])
    up.seemachine("fleet", "down")
    assert up.seemachine("fleet", "check") == (0, ["no problems found"])


def test_a_machine_that_no_client_finds(up: FleetShell) -> None:
    """It runs, but its published object was removed."""
    published.withdraw(World.at(up.home), FIRST)

    assert findings_of(up) == [
        (
            FIRST,
            "its SEE machine runs and is not published, so no client finds it",
            "publish it with: bootstrap.py -m 1 --uuid UUID",
        )
    ]


@pytest.mark.parametrize("name", ["missing", "file"])
def test_without_a_world_there_is_no_fleet_to_check(tmp_path: Path, name: str) -> None:
    """A world folder that is not there, or is a file, is refused: nothing was looked at."""
    (tmp_path / "file").touch()

    code, lines = processes.seemachine(
        ["fleet", "check", "--home", str(tmp_path / name)], processes.environment(tmp_path)
    )

    assert (code, lines) == (
        1,
        [
            f"seemachine fleet check: no fleet in {tmp_path / name}; start one with: seemachine"
            f" fleet up --home {tmp_path / name}"
        ],
    )
    assert not (tmp_path / "missing").exists()


def test_a_broken_fleet_file_is_found_while_the_fleet_is_down(world: FleetShell) -> None:
    """Nobody has to try `fleet up` to learn that it would be refused."""
    (world.home / "fleet.toml").write_text('[[machines]]\nesn = "x"\n')

    [(_, problem, advice)] = findings_of(world)

    assert "fleet.toml: esn takes" in problem
    assert advice.startswith("mend it")


def test_a_killed_supervisor_is_found(up: FleetShell) -> None:
    """Machines that outlived their supervisor are one finding, `status` is not content either, and
    the advice ends it.
    """
    supervisor = up.supervisor()
    os.kill(supervisor, signal.SIGKILL)
    assert eventually(lambda: gone(supervisor))

    problem = "the supervisor is gone: when one of 2 machines dies it is not started again"
    assert [found[:2] for found in findings_of(up)] == [("", problem)]
    assert up.seemachine("fleet", "status")[0] == 1
    up.seemachine("fleet", "down")
    assert findings_of(up) == []


def test_a_frozen_machine_is_found_in_seconds(up: FleetShell) -> None:
    """A machine that takes connections and says nothing is told from one that works, also by
    `fleet status`, which asks nobody.
    """
    frozen = up.process(SECOND)
    os.kill(frozen, signal.SIGSTOP)
    try:
        began = time.monotonic()
        [(esn, problem, _)] = findings_of(up)
        assert time.monotonic() - began < 15
        code, lines = up.seemachine("fleet", "status")
    finally:
        os.kill(frozen, signal.SIGCONT)

    assert esn == SECOND
    assert problem.startswith("it can't be asked: ")
    assert problem.endswith("timed out")
    told = [line.endswith(f"(stopped; continue it with: kill -CONT {frozen})") for line in lines]
    assert (code, told) == (1, [False, True])
    assert findings_of(up) == []


def test_a_machine_that_is_down_beside_its_supervisor_is_found(up: FleetShell) -> None:
    """While the supervisor waits before it starts a machine again, the check says which one is down
    and where the reason is.
    """
    supervisor, killed = up.supervisor(), up.process(FIRST)
    os.kill(supervisor, signal.SIGSTOP)  # as if its pause were long
    try:
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: gone(killed))
        found = {(esn, problem) for esn, problem, _ in findings_of(up)}
    finally:
        os.kill(supervisor, signal.SIGCONT)

    assert (FIRST, "the fleet is up, but this machine is down") in found
    assert SECOND not in {esn for esn, _ in found}


def test_a_memory_that_can_not_be_written_is_not_the_machines(world: FleetShell) -> None:
    """A full disk, or what is no folder, is nothing to decide on in quarantine."""
    with machines(world.home, FIRST):
        (world.home / "seen").write_text("a file")
        found = findings_of(world)

    assert [(esn, advice) for esn, _, advice in found] == [(FIRST, "do what that says")]
    assert "make it usable, or choose another folder" in found[0][1]


def test_leaves_in_quarantine_are_found(world: FleetShell) -> None:
    """A machine whose witness forgot it signs nothing, and the check names each file."""
    with machines(world.home, FIRST):
        world.pipsqueak("generate", "alias=k", *KEY)
    (world.home / "witness" / f"{FIRST}.record").unlink()

    with machines(world.home, FIRST):
        [(esn, problem, advice)] = findings_of(world)

    assert esn == FIRST
    assert problem.startswith("NVRAM file 6c6d73")
    assert " is in quarantine: " in problem
    assert advice == "seemachine quarantine explain"


def test_a_missing_world_key_is_found(up: FleetShell) -> None:
    """Cards that only the key can read lie about, and it is away."""
    processes.seemachine(["card", "new"], up.env)
    processes.seemachine(["card", "insert", "card1", "--esn", FIRST, "--slot", "2"], up.env)
    assert (
        processes.pipsqueak(["generate", "alias=k", *KEY, "expcards=0", "explease=1"], up.env)[0]
        == 0
    )
    assert findings_of(up) == []
    (up.home / "world.key").rename(up.home / "safe.key")

    [(esn, problem, advice)] = findings_of(up)

    assert esn == ""
    assert f"{up.home / 'world.key'} is missing" in problem
    assert "put it back" in advice


def test_a_key_that_was_left_half_made_is_found(world: FleetShell) -> None:
    """One that somebody makes now is none of the check's business; after ten minutes without a step
    it is.
    """
    making = world.home / "hsm" / FIRST / "making"
    making.mkdir(parents=True)
    (making / "big.key").touch()
    (making / "big.rows").touch()
    (world.home / "world.key").write_bytes(bytes(32))
    assert findings_of(world) == []

    for path in making.iterdir():
        os.utime(path, (time.time() - 660, time.time() - 660))

    [(esn, problem, advice)] = findings_of(world)
    assert (esn, problem) == (FIRST, "nobody has gone on with the half-made key big for 11 minutes")
    assert advice.startswith("pipsqueak generate alias=big resume=yes")


def test_a_stale_object_of_a_fleet_is_tidied_up_by_the_fleet(up: FleetShell) -> None:
    """After supervisor and machines were killed the advice is what a fleet's user knows, and `fleet
    down` says what it did.
    """
    pids = [up.supervisor(), up.process(FIRST), up.process(SECOND)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: all(gone(pid) for pid in pids))

    found = findings_of(up)

    assert [(esn, problem.split(":")[0]) for esn, problem, _ in found] == [
        (FIRST, "the published object is stale"),
        (SECOND, "the published object is stale"),
    ]
    assert {advice for _, _, advice in found} == {
        "start it with: seemachine fleet up; or tidy up with: seemachine fleet down"
    }
    assert up.seemachine("fleet", "down") == (0, ["tidied up 2 stale published objects"])
    assert up.seemachine("fleet", "down") == (0, [f"no fleet is up in {up.home}"])
    assert findings_of(up) == []

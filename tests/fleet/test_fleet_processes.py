"""`seemachine fleet` and `seemachine card`, with real processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.shell import FIRST, KEY, SECOND, FleetShell
from kit import processes
from kit.processes import gone
from kit.waiting import eventually

from seemachine.state.disk.durable import private_folder, replace_file


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FleetShell]:
    """A world of two machines, which is down again after the test."""
    made = FleetShell(tmp_path)
    yield made
    made.seemachine("fleet", "down")


def test_up_status_down(world: FleetShell) -> None:
    """A detached fleet is ready when `up` returns, is described by `status`, and is gone when
    `down` returns.
    """
    code, lines = world.seemachine("fleet", "up", "--detach")
    status = world.status()
    banner = world.pipsqueak()
    down = world.seemachine("fleet", "down")
    after = world.seemachine("fleet", "status")

    assert code == 0, lines
    assert [
        (machine["esn"], machine["model"], machine["module"], machine["state"])
        for machine in status["machines"]
    ] == [
        (FIRST, "5c", 1, "up"),
        (SECOND, "xc", 2, "up"),
    ]
    assert banner == (0, [f"PQSDK: 1.4.1 ({FIRST}: 1.4.1, {SECOND}: 1.4.1)"])
    assert down == (0, [f"stopped: {FIRST}, {SECOND}"])
    assert after[0] == 1
    assert world.pipsqueak() == (0, ["PQSDK: 1.4.1 ()"])
    for machine in status["machines"]:
        assert eventually(lambda pid=machine["pid"]: gone(pid))


def test_a_second_fleet_in_one_world_is_refused(world: FleetShell) -> None:
    """`up` on a world whose fleet is up says so and starts nothing."""
    world.seemachine("fleet", "up", "--detach")
    pids = [machine["pid"] for machine in world.status()["machines"]]

    code, lines = world.seemachine("fleet", "up")

    assert code == 1
    assert "already up" in lines[0]
    assert "seemachine fleet down" in lines[0]
    assert [machine["pid"] for machine in world.status()["machines"]] == pids


def test_two_worlds_side_by_side(world: FleetShell, tmp_path: Path) -> None:
    """Fleets of two worlds with the same ESNs and the same wanted ports run at one time, and know
    only their own.
    """
    other = FleetShell(tmp_path / "other")
    try:
        assert world.seemachine("fleet", "up", "--detach")[0] == 0
        assert other.seemachine("fleet", "up", "--detach")[0] == 0
        addresses = {
            machine["address"] for each in (world, other) for machine in each.status()["machines"]
        }
        assert len(addresses) == 4
        assert world.pipsqueak("generate", "alias=here", *KEY)[0] == 0
        [_, title, note] = other.pipsqueak("list")[1]
        assert (title, "no key was made there yet" in note) == ("Available Keys:", True)
    finally:
        other.seemachine("fleet", "down")


def test_down_stops_machines_that_outlived_their_supervisor(world: FleetShell) -> None:
    """With the supervisor killed, `down` still ends every machine of the world."""
    world.seemachine("fleet", "up", "--detach")
    status = world.status()
    os.kill(status["supervisor"], signal.SIGKILL)

    code, lines = world.seemachine("fleet", "down")

    assert code == 0, lines
    for machine in status["machines"]:
        assert eventually(lambda pid=machine["pid"]: gone(pid))


def test_up_fails_with_the_reason_when_a_machine_cannot_start(world: FleetShell) -> None:
    """A machine that does not come up takes the fleet down again, and `up` shows why."""
    folder = world.home / "hsm" / SECOND
    replace_file(private_folder(folder) / "nvram.db", b"not a database, " * 100)

    code, lines = world.seemachine("fleet", "up", "--detach")

    assert code == 1
    assert any("not a database" in line for line in lines)
    assert any(f"{SECOND} did not start" in line for line in lines)
    assert [machine["state"] for machine in world.status()["machines"]] == ["down", "down"]


def test_a_killed_machine_of_a_stopped_fleet_leaves_no_stale_object(world: FleetShell) -> None:
    """`down` takes published objects along, also those of machines that had no chance to withdraw
    them.
    """
    world.seemachine("fleet", "up", "--detach")
    status = world.status()
    for pid in [status["supervisor"], *(machine["pid"] for machine in status["machines"])]:
        os.kill(pid, signal.SIGKILL)
    # A socket lives until the last thread of a killed process is gone.
    assert eventually(lambda: "Connection refused" in world.pipsqueak()[1][1])
    stale = world.pipsqueak()

    world.seemachine("fleet", "down")

    assert [line.split("OSErrorErrno(57): ")[-1].split(" on ")[0] for line in stale[1][:2]] == [
        "connecting to 127.0.0.1"
    ] * 2
    assert all(line.endswith("Connection refused") for line in stale[1][:2])
    assert stale[1][2] == "PQSDK: 1.4.1 ()"
    assert world.pipsqueak() == (0, ["PQSDK: 1.4.1 ()"])


def test_ctrl_c_stops_a_fleet_in_the_foreground(world: FleetShell) -> None:
    """SIGINT to the process group, as a terminal sends it, ends supervisor and machines with exit
    code 0.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "seemachine", "fleet", "up"],
        env=world.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert eventually(
        lambda: all(machine["state"] == "up" for machine in world.status()["machines"])
    )

    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(30) == 0
    assert [machine["state"] for machine in world.status()["machines"]] == ["down", "down"]


def test_ctrl_c_ends_a_fleet_that_is_coming_up_in_the_background(world: FleetShell) -> None:
    """Who interrupts `up --detach` is told that the fleet is stopped again, and it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seemachine", "fleet", "up", "--detach"],
        env=world.env,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert eventually(lambda: world.status()["supervisor"] is not None)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said.split("\n")[0]) == (
        130,
        "seemachine fleet up: interrupted; what was started is stopped again",
    )
    assert world.status()["supervisor"] is None
    assert [machine["state"] for machine in world.status()["machines"]] == ["down", "down"]


def test_an_automatic_operator_feeds_every_card_of_a_key(world: FleetShell) -> None:
    """With blank_cards = auto a key of four cards is made without a hand on the rack, also through
    a pipe.
    """
    world.write_fleet('[operator]\nblank_cards = "auto"\n')
    world.seemachine("fleet", "up", "--detach")

    code, lines = world.pipsqueak("generate", "alias=sec", *KEY, "expcards=2", "explease=1")
    cards = json.loads("\n".join(world.seemachine("card", "list", "--json")[1]))["cards"]

    assert code == 0, lines
    assert [line for line in lines if line.startswith("Card processed")] == [
        f"Card processed ({left} remaining)" for left in (3, 2, 1, 0)
    ]
    assert [(card["kind"], card["leases"]) for card in cards] == [("lms", 2)] * 4


def test_without_an_operator_a_pipe_is_told_how_to_insert_a_card(world: FleetShell) -> None:
    """Nobody waits behind a pipe: the key is refused at once with the command that would help, and
    no key stays behind.
    """
    world.seemachine("fleet", "up", "--detach")

    code, lines = world.pipsqueak("generate", "alias=sec", *KEY, "expcards=1")

    assert code == 1
    assert any(
        line.endswith(f"seemachine card insert CARD --esn {FIRST} --slot 2") for line in lines
    )
    assert world.pipsqueak("list")[1][1:] == ["Available Keys:"]


def test_a_foreign_fleet_file_is_used_in_this_world(world: FleetShell, tmp_path: Path) -> None:
    """`fleet up FILE` runs the machines of that file."""
    path = tmp_path / "mine.toml"
    path.write_text(f'[[machines]]\nesn = "{SECOND}"\nport = 0\n')

    code, lines = world.seemachine("fleet", "up", str(path), "--detach")

    assert code == 0, lines
    assert [machine["esn"] for machine in world.status()["machines"]] == [SECOND]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["insert", "card9", "--esn", FIRST, "--slot", "2"], "there is no card card9"),
        (
            ["insert", "card1", "--esn", "9999-9999-9999", "--slot", "2"],
            "there is no HSM 9999-9999-9999",
        ),
        (["insert", "../card1", "--esn", FIRST, "--slot", "2"], "there is no card ../card1"),
        (["remove", "--esn", FIRST, "--slot", "3"], f"slot 3 of {FIRST} is empty"),
        (["format", "--esn", FIRST, "--slot", "3"], f"slot 3 of {FIRST} is empty"),
    ],
)
def test_what_hands_cannot_do_is_refused_with_a_sentence(
    world: FleetShell, words: list[str], sentence: str
) -> None:
    """Wrong cards, slots and machines end with exit code 1 and say what is wrong."""
    (world.home / "hsm" / FIRST).mkdir(parents=True)
    world.seemachine("card", "new")

    code, lines = world.seemachine("card", *words)

    assert code == 1
    assert sentence in lines[-1]


def test_a_taken_slot_and_a_card_elsewhere_are_named(world: FleetShell) -> None:
    """Inserting into a taken slot, or a card that is in a slot already, says where things are."""
    (world.home / "hsm" / FIRST).mkdir(parents=True)
    world.seemachine("card", "new", "--count", "2")
    world.seemachine("card", "insert", "card1", "--esn", FIRST, "--slot", "2")

    taken = world.seemachine("card", "insert", "card2", "--esn", FIRST, "--slot", "2")
    elsewhere = world.seemachine("card", "insert", "card1", "--esn", FIRST, "--slot", "3")

    assert taken[0] == elsewhere[0] == 1
    assert "holds card1" in taken[1][0]
    assert f"card1 is in slot 2 of {FIRST}" in elsewhere[1][0]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fleet"],
        ["card"],
        ["card", "insert", "card1"],
        ["card", "new", "--count", "0"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(world: FleetShell, words: list[str]) -> None:
    """A command line that can't be understood is told apart from a refusal."""
    assert world.seemachine(*words)[0] == 2


def test_a_fleet_whose_supervisor_was_killed_is_not_taken_for_a_new_one(world: FleetShell) -> None:
    """`up` refuses beside machines that outlived their supervisor, `status` tells of it, and one
    `down` ends them.
    """
    world.seemachine("fleet", "up", "--detach")
    status = world.status()
    os.kill(status["supervisor"], signal.SIGKILL)
    assert eventually(lambda: gone(status["supervisor"]))

    up = world.seemachine("fleet", "up", "--detach")
    told = world.seemachine("fleet", "status")
    down = world.seemachine("fleet", "down")

    assert up[0] == 1
    assert "without a supervisor" in up[1][0]
    assert told[1][-1].startswith("no supervisor")
    assert down == (0, [f"stopped: {FIRST}, {SECOND}"])


def test_a_log_that_cannot_be_written_stops_no_machine(world: FleetShell) -> None:
    """A machine whose standard error is a full disk answers on and stops in order."""
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "seemachine", "serve", "--esn", FIRST, "--port", "0"],
            env=world.env,
            stdout=full,
            stderr=full,
        )
    path = world.home / "published" / "pqsdk" / f"{FIRST}.json"
    assert eventually(path.exists)

    banners = [world.pipsqueak() for _ in range(3)]
    process.send_signal(signal.SIGTERM)

    assert banners == [(0, [f"PQSDK: 1.4.1 ({FIRST}: 1.4.1)"])] * 3
    assert process.wait(20) == 0


def test_two_signals_stop_a_machine_in_order(world: FleetShell) -> None:
    """Ctrl-C and a SIGTERM right after it: the machine withdraws its published object and ends with
    exit code 0.
    """
    for _ in range(3):
        machine = processes.RunningMachine(world.home, FIRST)
        machine.process.send_signal(signal.SIGINT)
        machine.process.send_signal(signal.SIGTERM)

        assert machine.process.wait(20) == 0
        assert machine.published() == {}


def test_another_store_is_not_begun_beside_the_first(world: FleetShell) -> None:
    """A machine that kept its NVRAM in SQLite does not start with an empty one in files."""
    processes.RunningMachine(world.home, FIRST).stop()

    code, lines = world.seemachine("serve", "--esn", FIRST, "--port", "0", "--store", "file")

    assert code == 1
    assert "use --store sqlite" in lines[-1]


def test_files_beside_the_user_are_not_imported_by_machines(
    world: FleetShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trio.py in the current folder is nothing to a fleet that is started there."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "trio.py").write_text("raise SystemExit('imported')\n")
    (here / "seemachine").mkdir()
    monkeypatch.chdir(here)
    command = [str(Path(sys.executable).parent / "seemachine"), "fleet", "up", "--detach"]

    done = subprocess.run(
        command, env=world.env, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words", [["card", "new"], ["card", "list"], ["fleet", "up", "--detach"], ["fleet", "status"]]
)
def test_a_world_that_cannot_be_is_a_sentence(words: list[str], tmp_path: Path) -> None:
    """A world folder below a file is refused, or found empty, without a traceback."""
    (tmp_path / "file").write_text("")

    code, lines = processes.seemachine(words, processes.environment(tmp_path / "file" / "world"))

    assert code in (0, 1)
    assert len(lines) <= 2
    assert not any("Traceback" in line for line in lines)

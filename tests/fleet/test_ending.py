"""Having machines and supervisors end, whatever the files say who they are: nobody else is harmed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import processes
import pytest
from processes import eventually, gone
from state.kit import child

from seemachine.fleet import control, ending, modules, standing
from seemachine.fleet.published import Published, announce, publish, read
from seemachine.state import process
from seemachine.state.lock import FolderLock, holder

ESN = "0000-0000-0001"
FLEET = f'[[machines]]\nesn = "{ESN}"\nport = 0\n'
NOBODY_OURS = "something that takes no requests holds {} and was left alone: "


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with the world, with a process group that others can join."""
    started = subprocess.Popen(["sleep", "600"], process_group=0)
    yield started
    started.kill()
    started.wait()


def texts(stranger: int) -> dict[str, str]:
    """What a `lock` may say instead of who holds the folder."""
    is_there = process.child(stranger)
    return {
        "a stranger": is_there.text(),
        "a stranger's number": str(stranger),
        "a number that came again": replace(is_there, started="1 another").text(),
        "a number of another namespace": replace(is_there, namespace="pid:[1]").text(),
        "the first process": "1",
        "nothing": "",
        "the group of who asks": "0",
        "everybody": "-1",
        "no number": "seemachine",
        "a huge number": "9" * 5000,
    }


@pytest.mark.parametrize("folder", ["fleet", f"hsm/{ESN}"])
@pytest.mark.parametrize("what", texts(0))
def test_whatever_a_lock_says_the_holder_ends_and_nobody_else(
    tmp_path: Path, bystander: "subprocess.Popen[bytes]", what: str, folder: str
) -> None:
    """`fleet down` asks who holds the folder, be it a supervisor or a machine; the process that the text names lives on."""
    holding = child("heed", tmp_path / folder)
    assert holding.stdout is not None
    assert holding.stdout.readline() == "held\n"
    (tmp_path / folder / "lock").write_text(texts(bystander.pid)[what])

    # In the bystander's group, which is its own then: signalling it would end the bystander.
    words = [sys.executable, "-m", "seemachine", "fleet", "down"]
    down = subprocess.run(words, env=processes.environment(tmp_path), process_group=bystander.pid, timeout=60, check=False)

    assert (down.returncode, *holding.communicate(timeout=30), holding.returncode) == (0, "asked\n", "", 0)
    assert bystander.poll() is None


@pytest.mark.parametrize("folder", ["fleet", f"hsm/{ESN}"])
def test_a_stranger_is_left_alone_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    """Who holds a folder and takes no requests is named as far as it goes, with what to do about it."""
    monkeypatch.setattr(ending, "STRANGER_SECONDS", 0)
    holding = child("hold", tmp_path / folder)
    assert holding.stdout is not None
    assert holding.stdout.readline() == "held\n"

    assert control.run("down", Namespace(home=tmp_path)) == 1
    said = capsys.readouterr().err

    assert said.startswith("seemachine fleet: " + NOBODY_OURS.format(tmp_path / folder))
    assert f"says process {holding.pid}, which may be wrong; see who it is with: fuser -v {tmp_path / folder}; end that" in said
    assert holding.poll() is None
    holding.communicate(timeout=30)


def test_a_machine_that_hears_and_does_not_end_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the longer time, in which it may end what it began; after that it is named, with its log."""
    monkeypatch.setattr(ending, "STRANGER_SECONDS", 0)
    monkeypatch.setattr(ending, "STOP_SECONDS", 0.2)
    lock = FolderLock(tmp_path / "fleet", "this")
    lock.listen()

    assert control.run("down", Namespace(home=tmp_path)) == 1

    said = f"{process.current()} did not stop within 0.2 s; it holds {tmp_path / 'fleet'}; look at {tmp_path / 'fleet' / 'log'}"
    assert capsys.readouterr().err == f"seemachine fleet: {said}\n"
    lock.release()


def test_a_restore_is_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds machines without being one, as a restore does, is no machine to stop."""
    monkeypatch.setattr(ending, "STRANGER_SECONDS", 0)
    lock = FolderLock(tmp_path / "hsm" / ESN, "a restore")

    assert control.run("down", Namespace(home=tmp_path)) == 1
    lock.release()
    assert control.run("down", Namespace(home=tmp_path)) == 0


# ---- whose numbers are they ------------------------------------------------------------------------------------------------------


def test_an_entry_of_a_number_that_came_again_is_stale(tmp_path: Path) -> None:
    """A machine that starts with the number of one that was killed, as in a container, is not up before it listens itself."""
    ours = process.current()
    lock = FolderLock(tmp_path / "hsm" / ESN, "this")
    for started, state in (("1 another", "starting"), (ours.started, "up")):
        announce(tmp_path, Published(ESN, "5c", 1, "127.0.0.1", 8888, ours.pid, started=started))
        assert standing.state(tmp_path, ESN) == state
    lock.release()


def test_a_machine_by_hand_is_not_taken_for_a_fleets(tmp_path: Path) -> None:
    """What a killed supervisor noted of a machine does not fit another process of that number."""
    ours = process.current()
    lock = FolderLock(tmp_path / "hsm" / ESN, "this")
    (tmp_path / "fleet").mkdir()
    for noted, of_fleet in ((ours, True), (replace(ours, started="1 another"), False)):
        modules.note_fleet_process(tmp_path, ESN, noted)
        assert modules.of_fleet(tmp_path, ESN) is of_fleet
    (tmp_path / "fleet" / f"{ESN}.pid").write_text("-1")
    assert not modules.of_fleet(tmp_path, ESN)
    lock.release()


def test_a_number_of_another_namespace_is_not_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads `fleet status` may end what it names: a number that counts elsewhere is not among it."""
    ours = replace(process.current(), namespace="pid:[1]")
    lock = FolderLock(tmp_path / "hsm" / ESN, "this")
    (tmp_path / "hsm" / ESN / "lock").write_text(ours.text())
    entry = Published(ESN, "5c", 1, "127.0.0.1", 8888, ours.pid, started=ours.started)
    publish(tmp_path, entry)
    announce(tmp_path, entry)

    control.run("status", Namespace(home=tmp_path, json=True))
    [row] = json.loads(capsys.readouterr().out)["machines"]
    control.run("status", Namespace(home=tmp_path, json=False))

    assert (row["state"], row["pid"]) == ("up", 0)
    assert "127.0.0.1:8888  process of another PID namespace\n" in capsys.readouterr().out
    lock.release()


# ---- a container -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def namespace() -> list[str]:
    """The words before a shell command that has a PID namespace for itself; skips where the system does not allow that."""
    words = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespaces here")
    return [*words, "sh", "-c"]


# The next process gets the number after this one.
NUMBERED = 'echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid; "$2" -m seemachine fleet up & wait $!'


def test_a_fleet_in_a_container_is_asked_from_outside(tmp_path: Path, namespace: list[str], bystander: "subprocess.Popen[bytes]") -> None:
    """The world is shared, the numbers are not: its supervisor has a stranger's number. It ends in order, and the stranger lives on."""
    (tmp_path / "fleet.toml").write_text(FLEET)
    env = processes.environment(tmp_path)
    inside = subprocess.Popen([*namespace, NUMBERED, "sh", str(bystander.pid), sys.executable], env=env, stderr=subprocess.PIPE, text=True)
    try:
        assert eventually(lambda: standing.state(tmp_path, ESN) == "up")
        supervisor, machine = holder(tmp_path / "fleet"), holder(tmp_path / "hsm" / ESN)
        assert supervisor is not None
        assert machine is not None
        status = processes.seemachine(["fleet", "status"], env)
        second = processes.seemachine(["fleet", "up"], env)
        down = processes.seemachine(["fleet", "down"], env)
        _, said = inside.communicate(timeout=30)
    finally:
        inside.kill()

    assert (supervisor.pid, supervisor.pid_here, machine.pid_here) == (bystander.pid, 0, 0)
    assert status[0] == 0
    assert status[1][0].endswith("process of another PID namespace")
    assert f"is already up (process {supervisor.pid} of another PID namespace); stop it with" in second[1][0]
    assert (down, inside.returncode) == ((0, [f"stopped: {ESN}"]), 0), said
    assert '"event": "stopped"' in said
    assert read(tmp_path, ESN) is None
    assert bystander.poll() is None


def test_a_number_from_a_container_is_not_seen_as_ours_after_it_ended(tmp_path: Path, namespace: list[str]) -> None:
    """Its machine was killed with it: the folder is free, whoever has the number that its lock shows."""
    command = f"{sys.executable} -m seemachine serve --esn {ESN} --port 0"
    inside = subprocess.Popen([*namespace, command], env=processes.environment(tmp_path), stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: standing.state(tmp_path, ESN) == "up")
    finally:
        inside.kill()
        inside.wait()
    assert eventually(lambda: standing.state(tmp_path, ESN) == "down")

    assert processes.seemachine(["fleet", "down"], processes.environment(tmp_path)) == (0, ["tidied up 1 stale published object"])


# Those that are asked to end are slow to end, once they have closed everything.
SLOW = 'import atexit, sys, time\nif "up" in sys.orig_argv or "serve" in sys.orig_argv:\n    atexit.register(time.sleep, 0.5)\n'


@pytest.mark.parametrize("supervised", [True, False])
def test_down_returns_when_nothing_of_the_fleet_is_left(tmp_path: Path, supervised: bool) -> None:
    """Supervisor and machines have ended by then, so that the folder can be unmounted, moved or removed."""
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    (tmp_path / "fleet.toml").write_text(FLEET)
    env = processes.environment(tmp_path, PYTHONPATH=str(tmp_path))
    assert processes.seemachine(["fleet", "up", "--detach"], env)[0] == 0
    pids = [held.pid for held in map(holder, (tmp_path / "fleet", tmp_path / "hsm" / ESN)) if held is not None]
    if not supervised:
        os.kill(pids[0], signal.SIGKILL)

    down = processes.seemachine(["fleet", "down"], env)

    assert (down, *map(gone, pids)) == ((0, [f"stopped: {ESN}"]), True, True)

"""Having machines and supervisors end, whatever files say who they are. Nobody else is harmed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kit import processes
from kit.processes import gone
from kit.waiting import eventually
from state.killing import child

from seemachine.cli.command import main
from seemachine.fleet import check, ending, status
from seemachine.hsms import supervised
from seemachine.hsms.published import Published, announce, publish, read
from seemachine.process import identity
from seemachine.state.disk.lock import FolderLock, holder, listens
from seemachine.world import World

ESN = "0000-0000-0001"
FLEET = f'[[machines]]\nesn = "{ESN}"\nport = 0\n'
FOLDERS = ["fleet", f"hsm/{ESN}"]
Stranger = subprocess.Popen[bytes]
Held = Callable[[str], FolderLock]
Refused = Callable[[float], str]


@pytest.fixture
def bystander() -> Iterator[Stranger]:
    """A process that has nothing to do with the world, in a process group that others can join."""
    started = subprocess.Popen(["sleep", "600"], process_group=0)
    yield started
    started.kill()
    started.wait()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    """Lets this process hold a folder of the world."""
    locks = []

    def hold(folder: str) -> FolderLock:
        locks.append(FolderLock(tmp_path / folder, "this"))
        return locks[-1]

    yield hold
    for lock in locks:
        lock.release()


def holding(word: str, folder: Path) -> "subprocess.Popen[str]":
    """A process that holds a folder."""
    started = child(word, folder)
    assert started.stdout is not None
    assert started.stdout.readline() == "held\n"
    return started


@pytest.fixture
def refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Refused:
    """What `fleet down` says that has some seconds for those who hear, and none for others."""

    def down(seconds: float) -> str:
        monkeypatch.setattr(ending, "STOP_SECONDS", seconds)
        monkeypatch.setattr(ending, "STRANGER_SECONDS", 0)
        assert main(["fleet", "down", "--home", str(tmp_path)]) == 1
        return capsys.readouterr().err

    return down


# ---- who is asked, and who is not ----------------------------------------------------------------


def texts(stranger: int) -> dict[str, str]:
    """What a `lock` may say instead of who holds the folder."""
    is_there = identity.child(stranger)
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


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("what", texts(0))
def test_the_holder_ends_and_nobody_else(
    tmp_path: Path,
    bystander: Stranger,
    what: str,
    folder: str,
) -> None:
    """`fleet down` asks who holds the folder; the process that `lock` names lives on."""
    ours = holding("heed", tmp_path / folder)
    (tmp_path / folder / "lock").write_text(texts(bystander.pid)[what])

    # In the bystander's group: to signal its own group would end the bystander.
    words = [sys.executable, "-m", "seemachine", "fleet", "down"]
    env = processes.environment(tmp_path)
    ended = subprocess.Popen(words, env=env, process_group=bystander.pid).wait(60)

    assert ours.communicate(timeout=30) == ("asked\n", "")
    assert (ended, ours.returncode, bystander.poll()) == (0, 0, None)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_stranger_is_left_alone(tmp_path: Path, refused: Refused, folder: str) -> None:
    """Who takes no requests is not waited for, and is named as far as it goes, with what to do."""
    stranger, where = holding("hold", tmp_path / folder), tmp_path / folder

    said = refused(60)

    assert said.startswith(
        f"seemachine fleet down: something that takes no requests holds {where} and"
    )
    assert f" says process {stranger.pid}, which may be wrong; see who it is with: fuser -v" in said
    assert stranger.poll() is None
    stranger.communicate(timeout=30)


def test_who_hears_has_the_longer_time(tmp_path: Path, refused: Refused, held: Held) -> None:
    """A machine that ends what it began is waited for; after that it is named, with its log."""
    held("fleet").listen()

    folder, who = tmp_path / "fleet", identity.current()
    said = f"{who} did not stop within 0.2 s; it holds {folder}; look at {folder / 'log'}"
    assert refused(0.2) == f"seemachine fleet down: {said}\n"


def test_the_stranger_is_named_among_machines(tmp_path: Path, refused: Refused, held: Held) -> None:
    """Of several that did not end, the one that a person has to see to."""
    held(f"hsm/{ESN}").listen()
    held("hsm/0000-0000-0002")

    assert f"holds {tmp_path / 'hsm/0000-0000-0002'} and was left alone" in refused(0)


# ---- whose numbers are they ----------------------------------------------------------------------


def entry(of: identity.Process) -> Published:
    """Where a machine of that process listens."""
    return Published(ESN, "5c", 1, "127.0.0.1", 8888, of.pid, started=of.started)


def test_a_machine_is_up_when_it_listens_itself(tmp_path: Path, held: Held) -> None:
    """One with the number of one that was killed, as containers give it, is starting until then."""
    ours = identity.current()
    held(f"hsm/{ESN}")
    for who, state in ((replace(ours, started="1 another"), "starting"), (ours, "up")):
        announce(World.at(tmp_path), entry(who))
        publish(World.at(tmp_path), entry(who))
        assert status.state(World.at(tmp_path), ESN) == state
        assert [finding.esn for finding in check._stale(World.at(tmp_path))] == [ESN] * (
            state == "starting"
        )


def test_a_machine_by_hand_is_not_taken_for_a_fleets(tmp_path: Path, held: Held) -> None:
    """What a killed supervisor noted of a machine does not fit another process of that number."""
    ours = identity.current()
    held(f"hsm/{ESN}")
    (tmp_path / "fleet").mkdir()
    for noted, of_fleet in ((ours, True), (replace(ours, started="1 another"), False)):
        supervised.set_process(World.at(tmp_path), ESN, noted)
        assert supervised.is_supervised(World.at(tmp_path), ESN) is of_fleet
    (tmp_path / "fleet" / f"{ESN}.pid").write_text("-1")
    assert not supervised.is_supervised(World.at(tmp_path), ESN)


def test_a_number_of_another_namespace_is_not_given(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    held: Held,
) -> None:
    """People and scripts end what `fleet status` names: no number that counts elsewhere."""
    there = replace(identity.current(), namespace="pid:[1]")
    held(f"hsm/{ESN}")
    (tmp_path / "hsm" / ESN / "lock").write_text(there.text())
    announce(World.at(tmp_path), entry(there))

    main(["fleet", "status", "--json", "--home", str(tmp_path)])
    [row] = json.loads(capsys.readouterr().out)["machines"]
    main(["fleet", "status", "--home", str(tmp_path)])

    assert (row["state"], row["pid"]) == ("up", 0)
    assert "127.0.0.1:8888  process of another PID namespace\n" in capsys.readouterr().out


# ---- a container ---------------------------------------------------------------------------------

# The next process gets the number after this one.
NUMBERED = 'echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid; "$2" -m seemachine fleet up & wait $!'


@pytest.fixture
def apart() -> list[str]:
    """The words before a shell script that has a PID namespace for itself; skips without one."""
    return [*processes.unshared("--pid", "--fork", "--mount-proc", "--kill-child"), "sh", "-c"]


def test_a_fleet_in_a_container_is_asked_from_outside(
    tmp_path: Path,
    apart: list[str],
    bystander: Stranger,
) -> None:
    """Its world is shared, its supervisor has a stranger's number. It ends, the stranger lives."""
    (tmp_path / "fleet.toml").write_text(FLEET)
    env = processes.environment(tmp_path)
    words = [*apart, NUMBERED, "sh", str(bystander.pid), sys.executable]
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) as inside:
        try:
            assert eventually(lambda: status.state(World.at(tmp_path), ESN) == "up")
            supervisor, shown, up, ended = (
                holder(tmp_path / "fleet"),
                *(processes.seemachine(["fleet", word], env) for word in ("status", "up", "down")),
            )
            _, said = inside.communicate(timeout=30)
        finally:
            inside.kill()

    assert supervisor is not None
    assert (supervisor.pid, supervisor.pid_here) == (bystander.pid, 0)
    assert (shown[0], shown[1][0].partition("process ")[2]) == (0, "of another PID namespace")
    assert f"already up (process {bystander.pid} of another PID namespace)" in up[1][0]
    assert (ended, inside.returncode) == ((0, [f"stopped: {ESN}"]), 0), said
    assert '"event": "stopped"' in said
    assert read(World.at(tmp_path), ESN) is None
    assert bystander.poll() is None


def test_a_killed_container_leaves_its_world_free(tmp_path: Path, apart: list[str]) -> None:
    """Its machine was killed with it: whoever has the number in `lock` holds nothing."""
    command = f"{sys.executable} -m seemachine serve --esn {ESN} --port 0"
    env = processes.environment(tmp_path)
    with subprocess.Popen([*apart, command], env=env, stderr=subprocess.DEVNULL) as inside:
        try:
            assert eventually(lambda: status.state(World.at(tmp_path), ESN) == "up")
        finally:
            inside.kill()
    assert eventually(lambda: status.state(World.at(tmp_path), ESN) == "down")

    tidied = processes.seemachine(["fleet", "down"], env)
    assert tidied == (0, ["tidied up 1 stale published object"])


# ---- when `down` returns -------------------------------------------------------------------------

# Supervisor and machine are slow to end, once they have closed everything.
SLOW = """
import atexit, sys, time
if "up" in sys.orig_argv or "serve" in sys.orig_argv:
    atexit.register(time.sleep, 0.5)
"""


@pytest.mark.parametrize("supervised", [True, False])
def test_down_returns_when_nothing_of_the_fleet_is_left(tmp_path: Path, supervised: bool) -> None:
    """All its processes have ended: the folder can be unmounted, moved or removed."""
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    (tmp_path / "fleet.toml").write_text(FLEET)
    env = processes.environment(tmp_path, PYTHONPATH=str(tmp_path))
    assert processes.seemachine(["fleet", "up", "--detach"], env)[0] == 0
    pids = [who.pid for folder in FOLDERS if (who := holder(tmp_path / folder)) is not None]
    assert all(listens(tmp_path / folder) for folder in FOLDERS)
    if not supervised:
        os.kill(pids[0], signal.SIGKILL)

    ended = processes.seemachine(["fleet", "down"], env)

    assert (ended, *map(gone, pids)) == ((0, [f"stopped: {ESN}"]), True, True)

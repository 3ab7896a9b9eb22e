"""What the service manager is told, on a real datagram socket."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import processes
from kit.waiting import eventually

from seemachine.process import systemd

ESN = "7852-268D-3BF9"
OTHER = "5F08-02E0-D947"
SECONDS = 20.0
# prctl(2): no memory may become executable, in this process and those that it starts; what
# MemoryDenyWriteExecute= does.
REFUSE_NEW_CODE = (
    "import ctypes, os, sys; sys.exit(77) if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) else"
    " os.execv(sys.argv[1], sys.argv[1:])"
)
CANNOT = 77


@pytest.fixture(params=["file", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The service manager's end, under a path or an abstract name."""
    name = (
        str(tmp_path / "notify")
        if request.param == "file"
        else f"@seemachine-test-{os.getpid()}-{tmp_path.name}"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(name.replace("@", "\0", 1))
        end.settimeout(SECONDS)
        monkeypatch.setenv(systemd.VARIABLE, name)
        yield end


def test_a_machine_says_when_it_listens_and_when_it_stops(
    manager: socket.socket, tmp_path: Path
) -> None:
    """READY=1 comes when the address is known and published, STOPPING=1 before the process ends."""
    with processes.machines(tmp_path / "world", (ESN,)) as [machine]:
        ready = manager.recv(4096).decode().splitlines()
        assert ready == [
            "READY=1",
            f"STATUS={ESN} listens on 127.0.0.1 port {machine.published()['port']}",
        ]
        machine.process.terminate()
        assert manager.recv(4096) == b"STOPPING=1"
        assert machine.process.wait(SECONDS) == 0


def test_a_process_of_several_machines_says_it_once_for_all(
    manager: socket.socket, tmp_path: Path
) -> None:
    """READY=1 when all are up, STOPPING=1 when all are told to stop, by one signal."""
    words = (ESN, "--esn", OTHER, "--ephemeral")
    with processes.machines(tmp_path / "world", words) as [machine]:
        assert manager.recv(4096) == b"READY=1\nSTATUS=2 machines are up"
        assert processes.pipsqueak([], processes.environment(tmp_path / "world"))[1] == [
            f"PQSDK: 1.4.1 ({ESN}: 1.4.1, {OTHER}: 1.4.1)"
        ]
        machine.process.terminate()
        assert manager.recv(4096) == b"STOPPING=1"
        assert machine.process.wait(SECONDS) == 0
        assert not list((tmp_path / "world").glob("published/*/*.json"))


def test_a_fleet_says_it_once_for_all(manager: socket.socket, tmp_path: Path) -> None:
    """Only the supervisor talks, when all machines are up; machines of it say nothing."""
    home = tmp_path / "world"
    home.mkdir(mode=0o700)
    (home / "fleet.toml").write_text(
        '[[machines]]\nesn = "7852-268D-3BF9"\nport = 0\n[[machines]]\nesn = "5F08-02E0-D947"\nport'
        " = 0\n"
    )
    env = processes.environment(home)
    assert processes.seemachine(["fleet", "up", "--detach"], env)[0] == 0
    said = [manager.recv(4096)]
    assert processes.seemachine(["fleet", "down"], env)[0] == 0
    said.append(manager.recv(4096))
    assert said == [b"READY=1\nSTATUS=2 machines are up", b"STOPPING=1"]
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


@pytest.mark.parametrize("name", ["", "relative", "/nobody/listens/here", "@nobody-listens-here"])
def test_nobody_to_tell_is_no_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a service manager, or with one that is gone, nothing happens."""
    monkeypatch.setenv(systemd.VARIABLE, name)
    systemd.ready("here")
    systemd.stopping()


def test_a_machine_runs_where_memory_never_becomes_executable(tmp_path: Path) -> None:
    """The units set MemoryDenyWriteExecute=: with the same rule from the kernel a machine starts,
    makes a key and signs.
    """
    home = tmp_path / "world"
    home.mkdir(mode=0o700)
    script = tmp_path / "python"
    script.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "{REFUSE_NEW_CODE}" {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    if subprocess.run([script, "-c", ""], check=False).returncode == CANNOT:
        pytest.skip("this kernel has no PR_SET_MDWE")
    command = [script, "-m", "seemachine", "serve", "--esn", ESN, "--port", "0"]
    env = processes.environment(home)
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        assert eventually((home / "published" / "pqsdk" / f"{ESN}.json").exists)
        words = [
            "generate",
            "alias=a",
            "algorithm=lms",
            "lmscode=sha256_m32_h5",
            "lmotscode=sha256_n32_w8",
        ]
        assert processes.pipsqueak(words, env)[0] == 0
        assert processes.pipsqueak(["alias=a", "message=test"], env)[1][-1].endswith("true")
    finally:
        process.terminate()
        assert process.wait(SECONDS) == 0

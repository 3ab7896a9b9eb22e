"""`seemachine run`: a command with machines of its own, of which nothing stays."""

import contextlib
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import processes
from kit.waiting import eventually

from seemachine.cli.command import main
from seemachine.temporary import folder

RUN = [sys.executable, "-m", "seemachine", "run"]
# Says where it is, then stays until it is told to end.
STAYS = 'echo "$SEEMACHINE_HOME $$"; exec sleep 60'


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """That of a user who has another world, and machines elsewhere."""
    elsewhere = {"SEEMACHINE_FLEET": "127.0.0.1:1", "NFAST_KMLOCAL": "/nonexistent"}
    return processes.environment(tmp_path / "another", TMPDIR=str(tmp_path), **elsewhere)


def ran(env: dict[str, str], script: str, *options: str, **more: object) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a shell with machines."""
    done = subprocess.run(
        [*RUN, *options, "--", "sh", "-c", script],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )
    return done.returncode, done.stdout, done.stderr


class Running:
    """One that stays, the world of its machines, and the processes that it has."""

    def __init__(self, env: dict[str, str], before: list[str], script: str = STAYS) -> None:
        words = [*before, *RUN, "--", "sh", "-c", script]
        self.process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        home, pid = self.process.stdout.readline().split()
        self.folder, self.command = Path(home).parent, int(pid)

    @property
    def keeper(self) -> int:
        """The process that keeps the command."""
        status = Path(f"/proc/{self.command}/stat").read_text()
        return int(status.rpartition(")")[2].split()[1])

    def close(self) -> None:
        """Whatever a test did with it."""
        self.process.kill()
        self.process.communicate()

    def ended(self) -> int:
        """Its exit code, when nothing is left of it."""
        self.process.communicate(timeout=30)
        code = self.process.returncode
        assert eventually(lambda: processes.gone(self.command) and not self.folder.exists())
        return code


@pytest.fixture
def stay(env: dict[str, str]) -> Iterator[Running]:
    """A command that stays."""
    with contextlib.closing(Running(env, [])) as running:
        yield running


def test_a_command_has_machines_and_nothing_of_another_world(env: dict[str, str]) -> None:
    """It finds them with no word about where they are, blank cards come by themselves, and all the
    rest is the user's: his mask of files, descriptors, limits, standard streams.
    """
    reading, writing = os.pipe()
    script = f"""
        umask; ulimit -c; cat; cat /dev/fd/{reading}; pipsqueak
        pipsqueak generate alias=k algorithm=lms lmscode=sha256_m24_h5 \\
            lmotscode=sha256_n24_w2 expcards=0 explease=2 > /dev/null
        {sys.executable} -m seemachine wait --machines 2 && env | grep -c 'SEEMACHINE\\|NFAST'
        echo "$SEEMACHINE_HOME" >&2; exit 7"""
    given = {"input": "from the pipe\n", "umask": 0o027}
    os.write(writing, b"from a descriptor\n")
    os.close(writing)
    code, told, home = ran(env, script, "--machines", "2", pass_fds=[reading], **given)
    os.close(reading)
    *lines, banner, count = told.splitlines()
    core = subprocess.run("ulimit -c", shell=True, capture_output=True, text=True, check=True)
    assert lines == ["0027", core.stdout.strip(), "from the pipe", "from a descriptor"]
    assert banner == "PQSDK: 1.4.1 (7852-268D-3BF9: 1.4.1, 5F08-02E0-D947: 1.4.1)"
    assert (code, count) == (7, "1")
    assert not Path(home.strip()).parent.exists()


def test_what_a_command_leaves_running_ends_too(env: dict[str, str]) -> None:
    """Also what is in a session of its own, and a fleet that it started in place of the machines;
    what ends by itself has a moment to do so.
    """
    ours = f"{sys.executable} -m seemachine"
    script = f"""
        {ours} fleet down; {ours} fleet up --detach > /dev/null
        (setsid sleep 60 & echo $!); (sleep 0.2; echo last) & exit 0"""
    code, told, said = ran(env, script)
    stopped, pid, last = told.splitlines()
    assert (code, stopped, last, said) == (0, "stopped: 7852-268D-3BF9", "last", "")
    assert processes.gone(int(pid))


def test_a_signal_reaches_the_command(stay: Running) -> None:
    """What kills it is told as a shell tells it."""
    stay.process.terminate()
    assert stay.ended() == 128 + signal.SIGTERM


def test_a_killed_run_ends_its_command(stay: Running) -> None:
    """Nobody has to come and tidy up."""
    stay.process.kill()
    assert stay.ended() == -signal.SIGKILL


def test_a_killed_keeper_takes_the_command_along(stay: Running) -> None:
    """Who hosts the machines ends what is left."""
    os.kill(stay.keeper, signal.SIGKILL)
    assert stay.ended() == 128 + signal.SIGKILL


def test_what_nobody_could_remove_the_next_run_removes(stay: Running, env: dict[str, str]) -> None:
    """Both are killed: the command ends with them, and its folder lies there until then."""
    keeper = stay.keeper
    os.kill(stay.process.pid, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    stay.process.kill()
    assert eventually(lambda: processes.gone(stay.command) and processes.gone(stay.process.pid))
    assert stay.folder.is_dir()
    assert ran(env, "true") == (0, "", "")
    assert not stay.folder.exists()


def test_it_dies_with_its_parent(env: dict[str, str]) -> None:
    """Killed, the shell of a job takes the command and the machines along."""
    running = Running(env, ["sh", "-c", '"$@"; true', "sh"])
    running.process.kill()
    assert running.ended() == -signal.SIGKILL


# The main program, whose parent is killed before anything of it is loaded.
ORPHANED = """
import os, signal, sys
from seemachine import __main__

class Loading(__main__.Loading):
    def __enter__(self):
        parent = os.getppid()
        os.kill(parent, signal.SIGKILL)
        while os.getppid() == parent:
            pass
        super().__enter__()

__main__.Loading = Loading
sys.exit(__main__.main())
"""


def test_it_dies_with_a_parent_that_is_killed_while_it_loads(env: dict[str, str]) -> None:
    """To load takes most of the time until the command begins, if it does."""
    job = ["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", ORPHANED]
    words = [*job, "run", "--", "sh", "-c", "exec sleep 60"]
    # All that has the pipe has ended by then.
    done = subprocess.run(words, env=env, capture_output=True, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL


# Says by its exit code how often it was interrupted.
COUNTS = """
import signal, time
times = []
signal.signal(signal.SIGINT, lambda *_: times.append(1))
print("ready", flush=True)
while not times: time.sleep(0.01)
print("interrupted", flush=True)
time.sleep(0.5)
raise SystemExit(40 + len(times))
"""


def test_a_signal_to_the_whole_group_reaches_the_command_once(env: dict[str, str]) -> None:
    """As of `timeout`, or of a job that is cancelled; no terminal is needed for that."""
    words = [*RUN, "--", sys.executable, "-c", COUNTS]
    started = {"stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(words, env=env, **started) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        # It passes its own on when the command has had that: two at once would be one.
        process.send_signal(signal.SIGSTOP)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == b"interrupted\n"
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 41


def test_ctrl_c_reaches_the_command_once(env: dict[str, str]) -> None:
    """The terminal sends it to all processes; a second one would break off what the first began.
    The exit code is the command's.
    """
    terminal, end = pty.openpty()
    # Which becomes that of a new session; a fork of this process might meet its threads.
    attach = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    attach += "; os.execv(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", attach, *RUN, "--", sys.executable, "-c", COUNTS]
    streams = {"stdin": end, "stdout": end, "stderr": end}
    with subprocess.Popen(words, env=env, start_new_session=True, **streams) as process:
        os.close(end)
        told = b""
        while b"ready" not in told:
            told += os.read(terminal, 1024)
        os.write(terminal, b"\x03")
        assert process.wait(30) == 41
    os.close(terminal)


def test_it_can_be_the_first_process_of_a_container(env: dict[str, str]) -> None:
    """Which is the parent of all orphans, and where nothing can be kept in memory."""
    apart = processes.unshared("--mount", "--pid", "--fork", "--mount-proc")
    inside = (
        'mount -t tmpfs -o ro none /dev/shm; exec "$@" run -- sh -c \'(setsid sleep 60 &); '
        'echo "$SEEMACHINE_HOME"; kill -USR1 1; sleep 60\''
    )
    words = [*apart, "sh", "-c", inside, "sh", *RUN[:-1]]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGUSR1, "")
    folder = Path(done.stdout.strip()).parent
    assert folder.parent == Path(env["TMPDIR"])
    assert not folder.exists()


def test_a_document_is_alone_on_standard_output(env: dict[str, str]) -> None:
    """With --json what the command prints goes to standard error; with --keep the world stays, and
    its fleet file starts the same machines.
    """
    options = ("--json", "--keep", "--model", "xc", "--seed", "7", "--log")
    options += ("--fault", "delay on=nvmemfile_sign seconds=1")
    code, told, said = ran(env, "echo hello; exit 3", *options)
    document = json.loads(told)
    assert (code, document["exit_code"], document["error"]["code"]) == (3, 3, "found")
    assert document["machines"] == [{"esn": "7852-268D-3BF9", "model": "xc", "module": 1}]
    world = Path(document["world"])
    assert world.parent.parent == Path(env["TMPDIR"])
    assert 'model = "xc"' in (world / "fleet.toml").read_text()
    assert json.loads((world / "seed.json").read_text())["seed"] == "7"
    first, *log = said.splitlines()
    assert first == "hello"
    assert '"event": "ready"' in "".join(log[:-1])
    assert "delay on=nvmemfile_sign" in "".join(log[:-1])
    assert log[-1].endswith(f"use it with: seemachine fleet up --home {world}")
    advised = ["fleet", "up", "--home", str(world), "--detach"]
    lines = processes.seemachine(advised, env)[1]
    # Before anything is asserted: it would outlive the test.
    assert processes.seemachine(["fleet", "down", "--home", str(world)], env)[0] == 0
    assert lines[-1].split()[2:5] == ["7852-268D-3BF9", "xc", "up"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("nosuchcommand", 127, "nosuchcommand was not found"),
        ("/etc/passwd", 126, "/etc/passwd can't be executed"),
        ("/", 126, "/ can't be executed"),
        ("''", 127, "'' was not found"),
        ("--", 2, "a command is needed, such as: seemachine run -- pipsqueak"),
    ],
)
def test_what_can_not_be_run_is_told_before_anything_is_made(
    words: str,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the exit code that a shell has for it."""
    monkeypatch.setattr(folder, "made", None)
    assert main(["run", *shlex.split(words)]) == code
    assert capsys.readouterr().err == f"seemachine run: {said}\n"


def test_without_a_place_for_a_world_nothing_is_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an exit code that the command can't be taken to have."""
    monkeypatch.setattr(folder, "MEMORY", tmp_path / "missing")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    assert main(["run", "true"]) == 125
    advice = "No such file or directory; let TMPDIR name a folder that can be written\n"
    assert capsys.readouterr().err.endswith(f": {advice}")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--fault=drop", "faults: there is no fault 'drop'; did you mean drop-before"),
        ("--latency=slow", "latency: there is no profile 'slow'; known are 5c, xc,"),
    ],
)
def test_what_can_not_go_wrong_is_wrong_usage(
    option: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is left of the world that was begun."""
    monkeypatch.setattr(folder, "MEMORY", tmp_path)
    assert main(["run", option, "--", "true"]) == 2
    assert capsys.readouterr().err.startswith(f"seemachine run: {said}")
    assert list(tmp_path.iterdir()) == []


def test_a_script_that_names_no_interpreter_is_one_of_sh(
    env: dict[str, str], tmp_path: Path
) -> None:
    """As shells have it; options after the command are the command's. It may remove its world."""
    script = tmp_path / "script"
    script.write_text('echo "$1"; rm -r "$SEEMACHINE_HOME"; exit 5')
    script.chmod(0o700)
    done = subprocess.run(
        [*RUN, "--log", str(script), "--machines"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (5, "--machines\n", "")

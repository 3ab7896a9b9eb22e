"""`seemachine run`: signals, and the end of whoever has a part in it; nothing stays."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from kit import processes
from kit.waiting import eventually
from temporary.runs import RUN, Running, ran


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

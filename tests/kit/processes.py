"""Real processes for tests: machines and commands of one world folder, ended by the test that
started them.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kit.waiting import PATIENCE

Ran = tuple[int, list[str]]


def environment(home: Path, **more: str) -> dict[str, str]:
    """A clean environment in which every command works on the world folder `home`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEEMACHINE", "PIPSQUEAK", "NFAST"))
    }
    return {**kept, "SEEMACHINE_HOME": str(home), **more}


def run(module: str, words: list[str], env: Mapping[str, str], seconds: float = 60.0) -> Ran:
    """Run a command to its end.

    Returns its exit code and its lines, standard error merged in order of writing.
    """
    return _ran([sys.executable, "-m", module, *words], env, seconds)


def within(
    before: list[str], words: list[str], env: Mapping[str, str], seconds: float = 60.0
) -> Ran:
    """Run `seemachine` behind another command, such as one that mounts something for it."""
    return _ran([*before, sys.executable, "-m", "seemachine", *words], env, seconds)


def unshared(*options: str) -> list[str]:
    """The words before a command with namespaces for itself; skips where the system forbids it."""
    rootless = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    words = ["unshare", *options, *rootless]
    there = shutil.which(words[0]) is not None
    if not there or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"no namespaces here: {' '.join(words)}")
    return words


def _ran(command: list[str], env: Mapping[str, str], seconds: float) -> Ran:
    done = subprocess.run(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def pipsqueak(words: list[str], env: Mapping[str, str]) -> Ran:
    """Run `pipsqueak`."""
    return run("seeclient.pipsqueak", words, env)


def seemachine(words: list[str], env: Mapping[str, str]) -> Ran:
    """Run `seemachine`."""
    return run("seemachine", words, env)


class Shell:
    """Commands on one world folder, each a process that has no other world in its environment."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home, self.env = home, environment(home, **more)

    def seemachine(self, *words: str) -> Ran:
        """Run `seemachine`."""
        return seemachine(list(words), self.env)

    def pipsqueak(self, *words: str) -> Ran:
        """Run `pipsqueak`."""
        return pipsqueak(list(words), self.env)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody collected its exit code yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def children(pid: int) -> list[int]:
    """Those that a process is the parent of now, whichever of its threads began them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def serve(
    home: Path, esn: str, log: Any, *options: str, before: Sequence[str] = ()
) -> "subprocess.Popen[bytes]":
    """A machine's process on a free port, with its log there; `before` are words before its
    command.
    """
    words = ["serve", "--esn", esn, "--port", "0", *options]
    return subprocess.Popen(
        [*before, sys.executable, "-m", "seemachine", *words],
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


class RunningMachine:
    """One `seemachine serve` process on a free port."""

    def __init__(self, home: Path, esn: str, *options: str) -> None:
        self.home, self.esn, self.options = home, esn, options
        self.log = home / f"{esn}.log"
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is published."""
        with self.log.open("ab") as log:
            self.process = self.process_with(log)
        self.wait_until_published()

    def process_with(self, log: Any, before: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        """The process, with its log there; `before` are words before its command."""
        return serve(self.home, self.esn, log, *self.options, before=before)

    def wait_until_published(self) -> None:
        """Raises AssertionError, with the log, when it does not come up."""
        deadline = time.monotonic() + PATIENCE
        while self.published().get("pid") != self.process.pid:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.esn} did not start:\n{self.log.read_text()}")
            time.sleep(0.002)

    def published(self) -> dict[str, object]:
        """Its published object, or nothing."""
        path = self.home / "published" / "pqsdk" / f"{self.esn}.json"
        try:
            entry: dict[str, object] = json.loads(path.read_text())
        except (OSError, ValueError):
            return {}
        return entry

    def kill(self) -> None:
        """SIGKILL: the machine is gone, its published object stays."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def machines(home: Path, *esns_and_options: tuple[str, ...]) -> Iterator[list[RunningMachine]]:
    """Machines of one world for the length of a block."""
    home.mkdir(parents=True, exist_ok=True)
    running: list[RunningMachine] = []
    try:
        for esn, *options in esns_and_options:
            running.append(RunningMachine(home, esn, *options))
        yield running
    finally:
        for machine in running:
            machine.stop()

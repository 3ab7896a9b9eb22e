"""Helper processes, found by what they are, and hosts in plain C."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kit.waiting import eventually


def pids(home: Path) -> set[int]:
    """The helpers of a world that are up: those that have left the host."""
    return {int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_helper(path, home)}


def _is_helper(process: Path, home: Path) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
        environ = (process / "environ").read_bytes().split(b"\0")
        parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    own = f"SEEMACHINE_HOME={home}".encode() in environ
    return own and b"seeclient.bridge" in command and not _is_starting(parent)


def _is_starting(parent: int) -> bool:
    """Whether a process is still the one that a host started, or a child of it."""
    try:
        words = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"seeclient.bridge" in words or Path(words[0].decode()).name == "host"


def signalled(home: Path, number: signal.Signals) -> set[int]:
    """Send all helpers of a world a signal. Returns which there were."""
    found = pids(home)
    for pid in found:
        os.kill(pid, number)
    return found


def wait_for_none(home: Path) -> None:
    """Until no helper of a world is left."""
    assert eventually(lambda: not pids(home))


class Host:
    """A running `host`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self._output: IO[str] = process.stdout

    def line(self) -> str:
        """The next line that it prints."""
        return self._output.readline().rstrip("\n")

    def go_on(self) -> None:
        """After it was ready."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ended(self) -> list[str]:
        """Its other lines, once it has ended well."""
        rest = self._output.read().splitlines()
        assert self.process.wait(120) == 0, rest[-20:]
        return rest


@contextmanager
def host(program: Path, *words: str, before: Sequence[str] = ()) -> Iterator[Host]:
    """A host in a process of its own, with nothing to say on standard error."""
    with subprocess.Popen(
        [*before, str(program), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Host(process)
        finally:
            process.kill()

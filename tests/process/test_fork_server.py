"""Processes that are forked by one that has loaded the program."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.waiting import eventually

from seemachine.process import fork_server
from seemachine.process.fork_server import BEGIN, MOST_BYTES, adopt_orphans, answer, request

SERVER = """
import os, random, socket, sys
from seemachine.process.fork_server import serve

def program(what):
    os.write(1, f"{os.getpid()} {os.getsid(0)} {random.random()}\\n".encode())
    return int(what)

serve(socket.socket(fileno=int(sys.argv[1])), program)
"""


class Owner:
    """Of a server, in a process of its own."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.control, theirs = fork_server.control_pair()
        number = str(theirs.fileno())
        with theirs, output.open("wb") as out:
            self.server = subprocess.Popen(
                [sys.executable, "-c", SERVER, number],
                pass_fds=[theirs.fileno()],
                stdout=out,
                stderr=out,
            )

    def forked(self, what: str) -> tuple[int, socket.socket]:
        """A process that has not begun, and its channel."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.control.sendmsg(*request("a-name", what, theirs.fileno()))
        return answer(self.control.recv(MOST_BYTES)), ours

    def end(self) -> None:
        """Let go of the server."""
        self.control.close()
        self.server.wait(20)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    """One that adopts."""
    if not adopt_orphans():
        pytest.skip("nobody can adopt here")
    made = Owner(tmp_path / "output")
    try:
        yield made
    finally:
        made.end()
        ctypes.CDLL(None).prctl(fork_server.PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(0))


def ended(pid: int) -> int:
    """The exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_an_owner_that_is_killed_meanwhile_gets_no_traceback(owner: Owner) -> None:
    """It asked, and was gone before the answer: the server ends, and so does what it forked."""
    os.kill(owner.server.pid, signal.SIGSTOP)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        owner.control.sendmsg(*request("a-name", "3", theirs.fileno()))
    owner.control.close()
    os.kill(owner.server.pid, signal.SIGCONT)
    assert owner.server.wait(20) == 0
    # Our child by now, which has not begun.
    os.waitid(os.P_ALL, 0, os.WEXITED)
    assert owner.output.read_bytes() == b""


def test_a_forked_process_is_a_child_of_the_owner(owner: Owner) -> None:
    """The owner learns its exit code; it leads a session, has its name and chance of its own."""
    (one, its), (two, other) = owner.forked("3"), owner.forked("4")
    assert owner.output.read_bytes() == b""
    for channel in (its, other):
        with channel:
            channel.send(BEGIN)
    assert (ended(one), ended(two)) == (3, 4)
    lines = sorted(line.split() for line in owner.output.read_text().splitlines())
    assert [line[:2] for line in lines] == sorted([[str(pid)] * 2 for pid in (one, two)])
    assert lines[0][2] != lines[1][2]


def test_it_has_nothing_of_the_server_but_its_channel(owner: Owner) -> None:
    """The server has its control socket and no thread; a process that waits has neither that nor
    the channel of another.
    """
    pid, channel = owner.forked("0")
    another, its = owner.forked("0")
    try:
        # A process that is there may not have closed yet what it was forked with.
        ours = (owner.server.pid, pid, another)
        assert eventually(lambda: [len(descriptors(number)) for number in ours] == [1, 1, 1])
        assert len(set.union(*map(descriptors, ours))) == 3
        assert len(list(Path(f"/proc/{owner.server.pid}/task").iterdir())) == 1
    finally:
        channel.close()
        its.close()
        ended(pid), ended(another)


def descriptors(pid: int) -> set[str]:
    """What a process has open beside the standard streams."""
    folder = Path(f"/proc/{pid}/fd")
    return {str(path.readlink()) for path in folder.iterdir() if int(path.name) > 2}


def test_a_process_that_nobody_begins_does_nothing(owner: Owner) -> None:
    """Given up by its owner, it ends."""
    pid, channel = owner.forked("0")
    channel.close()
    assert ended(pid) == 1
    assert owner.output.read_bytes() == b""


def test_processes_outlive_their_server(owner: Owner) -> None:
    """Killed, it takes none along, also none that has not begun; and the owner learns as before how
    they end.
    """
    pid, channel = owner.forked("5")
    owner.server.kill()
    owner.server.wait()
    with channel:
        channel.send(BEGIN)
    assert ended(pid) == 5
    with contextlib.suppress(BrokenPipeError):
        owner.control.sendmsg(*request("a-name", "0", 1))
    with pytest.raises(ConnectionResetError):
        answer(owner.control.recv(MOST_BYTES))


def test_a_server_ends_with_its_owner(owner: Owner) -> None:
    """What it forked goes on: it can be killed, and a traceback of its program is written."""
    pid, channel = owner.forked("odd")
    owner.end()
    assert owner.server.returncode == 0
    with channel:
        channel.send(BEGIN)
    assert ended(pid) == 1
    assert "ValueError: invalid literal" in owner.output.read_text()


def test_why_there_is_no_process(owner: Owner) -> None:
    """What the system lacks is an error of its own."""
    with pytest.raises(BlockingIOError):
        answer(b"-11")
    pid, channel = owner.forked("0")
    with channel:
        os.kill(pid, signal.SIGKILL)
        assert ended(pid) == -signal.SIGKILL
        assert eventually(lambda: channel.recv(1) == b"")

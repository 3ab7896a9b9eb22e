"""The processes of a supervisor: how they begin, are waited for, and end.

A machine that has a process for itself is forked by a server that has loaded the program. Where the
system does not let us adopt what another forked, and for machines that share a process, the program
is started.
"""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

import trio

from seemachine.fleet import supervisor_log
from seemachine.process import fork_server

# For the server to load the program, and to fork: one that takes longer hangs.
FORK_SECONDS = 30.0
PYTHON = (sys.executable, "-P", "-m")
SERVER = "seemachine.cli.fork_server"
# For what a server leaves to end.
STRAY_SECONDS = 1.0
# What a control socket says of a server that has died.
GONE = (BrokenPipeError, ConnectionResetError)


class Child(Protocol):
    """A process of ours."""

    @property
    def pid(self) -> int:
        """Its number, which is nobody else's before `wait` or `poll` has told its end."""

    async def wait(self) -> int:
        """Its exit code, or the number of the signal that killed it, less than 0."""

    def poll(self) -> int | None:
        """The same at once; None while it runs."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


class Forked:
    """A Child that was forked for us, and does nothing before `begin`. Raises OSError."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self._channel = channel
        self._code: int | None = None
        try:
            # A child's number is its own until it was waited for; from here on it is not needed.
            self._handle = os.pidfd_open(pid)
        except OSError:
            channel.close()
            # It ends at once, for it has not begun.
            os.waitid(os.P_PID, pid, os.WEXITED)
            raise

    @property
    def reaped(self) -> bool:
        """Whether somebody waited for it: its number may be another's by now."""
        return self._code is not None

    def begin(self) -> None:
        """Let it do its work. Raises OSError."""
        with self._channel:
            self._channel.send(fork_server.BEGIN)

    async def wait(self) -> int:
        """See Child."""
        while (code := self.poll()) is None:
            await trio.lowlevel.wait_readable(self._handle)
        return code

    def poll(self) -> int | None:
        """See Child."""
        if self._code is None:
            end = os.waitid(os.P_PIDFD, self._handle, os.WEXITED | os.WNOHANG)
            if end is not None:
                killed = end.si_code != os.CLD_EXITED
                self._code = -end.si_status if killed else end.si_status
                os.close(self._handle)
                self._channel.close()
        return self._code

    def terminate(self) -> None:
        """See Child."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """See Child."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)


class ForkServer:
    """The process that forks machines (seemachine.process.fork_server), each with these options of
    its command. It is started when a machine needs it, anew when it has died; what it forked lives
    on without it.
    """

    def __init__(self, environment: Mapping[str, str], options: Sequence[str] = ()) -> None:
        self._environment = environment
        self._options = options
        self._turn = trio.Lock()
        self._process: trio.Process | None = None
        self._control: trio.socket.SocketType | None = None
        self._closed = False
        self._forks: WeakSet[Forked] = WeakSet()

    async def fork(self, name: str, file: Path) -> Forked:
        """A process that is to run the machine of a file of settings. Raises OSError."""
        # Whole: the answer to one request must not be taken for that to another.
        async with self._turn:
            with trio.CancelScope(shield=True):
                forked = await self._forked_at_last(name, file)
        return forked

    async def _forked_at_last(self, name: str, file: Path) -> Forked:
        try:
            return await self._forked(name, file)
        except GONE:
            # It died since the last request, or over this one.
            await self._end()
        try:
            return await self._forked(name, file)
        except GONE:
            raise OSError(errno.ECHILD, "the fork server died, and so did another") from None

    async def _forked(self, name: str, file: Path) -> Forked:
        control = await self._ready()
        # Another for each try: what was made of one that failed still listens to it.
        ours, theirs = socket.socketpair()
        try:
            with theirs, trio.fail_after(FORK_SECONDS):
                await control.sendmsg(*fork_server.request(name, str(file), theirs.fileno()))
                pid = fork_server.answer(await control.recv(fork_server.MOST_BYTES))
            forked = Forked(pid, ours)
            self._forks.add(forked)
            return forked
        except trio.TooSlowError:
            ours.close()
            await self._end()
            raise OSError(errno.ETIMEDOUT, "the fork server hangs, and was killed") from None
        except BaseException:
            ours.close()
            raise

    async def _ready(self) -> "trio.socket.SocketType":
        if self._process is not None and self._control is not None:
            if self._process.poll() is None:
                return self._control
            self._control.close()
        ours, theirs = fork_server.control_pair()
        try:
            with theirs:
                self._process = await self._loading(theirs.fileno())
        except BaseException:
            ours.close()
            raise
        self._control = trio.socket.from_stdlib_socket(ours)
        trio.lowlevel.spawn_system_task(self._watch, self._process)
        return self._control

    async def _loading(self, control: int) -> trio.Process:
        """Another server, in a session of its own, as machines are."""
        return await trio.lowlevel.open_process(
            [*PYTHON, SERVER, str(control), *self._options],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(control,),
            env=self._environment,
        )

    async def _watch(self, process: trio.Process) -> None:
        code = await process.wait()
        if not self._closed:
            supervisor_log.warning(
                f"the fork server {died(code)}; the next machine that starts gets another"
            )
        await trio.sleep(STRAY_SECONDS)
        self._reap_strays()

    def _reap_strays(self) -> None:
        """What a server leaves that dies while it forks ends by itself, and is our child by then:
        nobody else waits for it.
        """
        known = {forked.pid for forked in self._forks if not forked.reaped}
        known |= {self._process.pid} if self._process is not None else set()
        with contextlib.suppress(ChildProcessError):
            while end := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if end.si_pid in known:
                    return
                os.waitid(os.P_PID, end.si_pid, os.WEXITED | os.WNOHANG)

    async def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def close(self) -> None:
        """It is gone after that, cancelled or not."""
        self._closed = True
        with trio.CancelScope(shield=True):
            await self._end()
        if self._control is not None:
            self._control.close()


async def started(
    files: Sequence[Path], environment: Mapping[str, str], options: Sequence[str] = ()
) -> trio.Process:
    """A process that runs the machines of these files of settings, with these options, in a session
    of its own: Ctrl-C is for the supervisor, which stops its machines in order. Raises OSError.
    """
    words = [word for file in files for word in ("--config", str(file))]
    return await trio.lowlevel.open_process(
        [*PYTHON, "seemachine", "serve", *words, *options],
        stdin=None,
        start_new_session=True,
        env=environment,
    )


def died(code: int) -> str:
    """How a process ended, after its name."""
    return (
        f"was killed by {signal.Signals(-code).name}"
        if code < 0
        else f"ended with exit code {code}"
    )

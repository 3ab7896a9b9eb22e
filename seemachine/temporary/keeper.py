"""The process that keeps a command: it starts the command, passes signals on to it, ends what it
leaves running, and removes the folder when who hosts the machines was killed.

It is forked before machines are loaded, so a command gets nothing of theirs: no limits, threads or
handlers. It is told by bytes of a pipe: BEGIN, GIVE_UP, or the number of a signal. The end of the
pipe says that who hosts the machines was killed. It ends when the command has ended, and all that
the command left running, with the command's exit code.

Ctrl-C at a terminal, a hangup and what `timeout` sends go to all processes of a group, to the
command too, and must not reach it twice: a second one often means that tests are broken off without
tidying up. This process gets such a signal itself.
"""

import ctypes
import errno
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from seemachine.frozen import frozen
from seemachine.printing import say
from seemachine.process.fork_server import adopt_orphans
from seemachine.state.errors import reason
from seemachine.temporary import descendants
from seemachine.temporary.folder import TemporaryFolder, places, sweep
from seemachine.temporary.received import OwnSignals, Received

BEGIN, GIVE_UP = 0, 255
# As in a shell; 125, as of timeout(1), where there was no command.
NOT_BEGUN, NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 125, 126, 127, 128
# What it means that a command could not be started; other reasons are its own.
NOT_BEGUN_FOR = {
    errno.ENOENT: NOT_FOUND,
    errno.EAGAIN: NOT_BEGUN,
    errno.ENOMEM: NOT_BEGUN,
    errno.EMFILE: NOT_BEGUN,
    errno.ENFILE: NOT_BEGUN,
}
PR_SET_PDEATHSIG = 1
SHELL = "/bin/sh"
READ_BYTES = 64
GRACE = 5.0


@frozen
class Command:
    """What is run, with the environment, the mask of new files and the standard output that it has.

    Its world is `kept`, or goes with it.
    """

    words: Sequence[str]
    environ: Mapping[str, str]
    umask: int
    stdout: int = 1
    kept: bool = False


def as_a_shell(code: int) -> int:
    """An exit code, of a process that was killed too."""
    return code if code >= 0 else SIGNALLED - code


class Keeper:
    """The process, as the one that hosts the machines has it. Raises OSError."""

    def __init__(self, command: Command, folder: TemporaryFolder) -> None:
        reading, self._writing = os.pipe()
        # Of the pipe: two threads tell, and one lets go of it.
        self._lock = threading.Lock()
        self._code: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.close(self._writing)
            _live(command, folder, reading)
        os.close(reading)

    def tell(self, number: int) -> None:
        """BEGIN, GIVE_UP, or a signal for the command. After its end nobody hears it."""
        with self._lock, suppress(OSError):
            os.write(self._writing, bytes([number]))

    def dismiss(self) -> None:
        """Have it end the command and all that is left, and remove the folder."""
        with self._lock:
            if self._writing >= 0:
                os.close(self._writing)
            self._writing = -1

    def poll(self) -> int | None:
        """The exit code of the command, once nothing of it is left."""
        if self._code is None:
            pid, status, _ = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._code = as_a_shell(os.waitstatus_to_exitcode(status))
        return self._code


def _live(command: Command, folder: TemporaryFolder, told: int) -> NoReturn:
    """The process, from its first moment to its end."""
    code = NOT_BEGUN
    try:
        adopt_orphans()
        with Received() as received:
            _sweep(command.environ)
            begin = os.read(told, 1)
            if begin == bytes([BEGIN]):
                code = _kept(command, told, received)
            elif begin != bytes([GIVE_UP]):
                # Nobody waits for the command any more, or it was told to end.
                code = SIGNALLED + (begin[0] if begin else signal.SIGTERM)
            if _is_alone(told) and not command.kept:
                folder.remove()
    except BaseException:  # noqa: BLE001 - nothing of the process that was forked may run here
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _sweep(environ: Mapping[str, str]) -> None:
    """While machines are loaded, there is time."""
    for place in places(environ):
        with suppress(OSError):
            sweep(place)


def _is_alone(told: int) -> bool:
    """Whether who hosts the machines was killed."""
    os.set_blocking(told, False)
    with suppress(BlockingIOError):
        while os.read(told, READ_BYTES):
            pass
        return True
    return False


def _kept(command: Command, told: int, received: Received) -> int:
    """The exit code of the command, once nothing of it is left."""
    os.umask(command.umask)
    try:
        running = _started(command, command.words)
    except OSError as error:
        with suppress(OSError):
            say(f"seemachine run: {reason(error)}", file=sys.stderr)
        return NOT_BEGUN_FOR.get(error.errno or 0, NOT_EXECUTABLE)
    is_alone = _hear(running, told, received)
    if is_alone:
        _end(running, received)
    descendants.end_all(0 if is_alone else descendants.MOMENT)
    return as_a_shell(running.returncode)


def _started(command: Command, words: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Raises OSError."""
    own = os.getpid()

    def die_with_us() -> None:
        prctl = getattr(ctypes.CDLL(None), "prctl", None)
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != own:
            os._exit(NOT_BEGUN)

    try:
        # With whatever descriptors the caller gave: a shell's <(...), the job server of make. This
        # process has one thread, so that a function may run between fork and exec.
        return subprocess.Popen(
            words,
            env=command.environ,
            stdout=command.stdout,
            close_fds=False,
            preexec_fn=die_with_us,  # noqa: PLW1509
        )
    except OSError as error:
        # A script without a line that says whose, which any shell takes for one of sh.
        if error.errno != errno.ENOEXEC or words[0] == SHELL:
            raise
        path = shutil.which(words[0], path=command.environ.get("PATH")) or words[0]
        return _started(command, [SHELL, path, *words[1:]])


def _hear(running: "subprocess.Popen[bytes]", told: int, received: Received) -> bool:
    """Pass signals on until the command has ended; True where who hosts the machines did first."""
    own = OwnSignals()
    while running.poll() is None:
        own.note(received.wait(beside=[told]))
        descendants.reap(but=running.pid)
        if not _readable(told):
            continue
        numbers = os.read(told, READ_BYTES)
        if not numbers:
            return True
        for number in numbers:
            if not (own.had(number) and _is_of_our_group(running.pid)):
                running.send_signal(number)
    return False


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _is_of_our_group(pid: int) -> bool:
    """Whether what is sent to our group reaches it; a shell makes groups of its own."""
    with suppress(ProcessLookupError):
        return os.getpgid(pid) == os.getpgrp()
    return False


def _end(running: "subprocess.Popen[bytes]", received: Received) -> None:
    """Ask the command to end; kill it in the end."""
    running.terminate()
    running.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + GRACE
    while running.poll() is None and (left := deadline - time.monotonic()) > 0:
        received.wait(left)
    running.kill()
    running.wait()

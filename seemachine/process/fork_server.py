"""A process that has loaded a program and makes processes of itself, which then need not load it,
and share its memory.

It has one thread, no event loop, and no descriptor but the standard streams and its control socket,
so that nothing of it is torn by a fork. Each request comes with a channel, one end of a pair of
sockets, for the new process. The order, never to be changed: the process is forked; its owner is
told who it is, and notes that; the owner says so on the channel; then the process begins. If the
owner is gone, or gave up, the channel ends and so does the process, before it has done anything.

Two forks make one process. The first ends at once, so that the second becomes a child of the owner,
who takes in orphans (PR_SET_CHILD_SUBREAPER of prctl(2)). So the owner waits for it, signals it and
learns how it ended, whether this process lives on or not.

All that it makes have one seed of hashes. What else is random is drawn anew after a fork.
"""

import array
import contextlib
import ctypes
import errno
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37
BEGIN = b"begin"
MOST_BYTES = 1 << 16
# A descriptor that goes along with a message.
Rights = tuple[int, int, "array.array[int]"]
# What a process does: its task in, its exit code out.
Program = Callable[[str], int]


def adopt_orphans() -> bool:
    """Make this process the parent of what its children leave behind; whether that, and waiting for
    such a process, is possible here.
    """
    # Ignored, as by whoever started us, it would take the ends of children away.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        os.close(os.pidfd_open(os.getpid()))
        prctl, adopts = ctypes.CDLL(None).prctl, ctypes.c_int()
        prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))
        prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(adopts))
        return adopts.value == 1
    return False


def control_pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a control socket, the owner's first. A message is whole or not there."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def request(name: str, what: str, channel: int) -> tuple[list[bytes], list[Rights]]:
    """What `sendmsg` takes to ask for a process that does `what`, and is called `name` in lists of
    processes.
    """
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [channel]))
    return [json.dumps([name, what]).encode()], [rights]


def answer(data: bytes) -> int:
    """The process that was made. Raises OSError: why none was, or that the server is gone."""
    if not data:
        raise ConnectionResetError(errno.ECONNRESET, "the fork server is gone")
    pid: int = json.loads(data)
    if pid < 0:
        raise OSError(-pid, os.strerror(-pid))
    return pid


def serve(control: socket.socket, program: Program) -> None:
    """Make processes until the owner is gone. To be called when all is loaded."""
    gc.collect()
    gc.freeze()
    while True:
        data, channels, _, _ = socket.recv_fds(control, MOST_BYTES, 1)
        if not data:
            return
        name, what = json.loads(data)
        with socket.socket(fileno=channels[0]) as channel:
            pid = _forked(control, channel, name, partial(program, what))
        try:
            control.send(json.dumps(pid).encode())
        except BrokenPipeError:
            # The owner was killed meanwhile: what was made for it ends by itself.
            return


def _forked(
    control: socket.socket, channel: socket.socket, name: str, work: Callable[[], int]
) -> int:
    """The new process, an orphan by now; or the number of the error that kept it from being, less
    than 0.
    """
    reading, writing = os.pipe()
    try:
        first = os.fork()
    except OSError as error:
        os.close(writing)
        os.close(reading)
        return -(error.errno or 1)
    if not first:
        os.close(reading)
        _fork_again(control, channel, writing, name, work)
    os.close(writing)
    with open(reading, "rb") as told:  # noqa: PTH123
        said = told.read()
    # The only child of this process: the other has another parent only when it is gone.
    os.wait()
    return int(said or -1)


def _fork_again(
    control: socket.socket,
    channel: socket.socket,
    writing: int,
    name: str,
    work: Callable[[], int],
) -> NoReturn:
    try:
        try:
            pid = os.fork()
        except OSError as error:
            pid = -(error.errno or 1)
        if not pid:
            os.close(writing)
            control.close()
            _live(channel, name, work)
        os.write(writing, str(pid).encode())
    finally:
        # Whatever happens: what follows is the server's.
        os._exit(0)


def _live(channel: socket.socket, name: str, work: Callable[[], int]) -> NoReturn:
    """The new process, from its first moment to its end."""
    code = 1
    try:
        os.setsid()
        if channel.recv(len(BEGIN)) == BEGIN:
            channel.close()
            _call_it(name)
            code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    finally:
        # There is nothing to tidy up: what a process holds ends with it.
        os._exit(code)


def _call_it(name: str) -> None:
    """For who looks at a list of processes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)

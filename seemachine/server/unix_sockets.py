"""The Unix socket of a machine: made for those who may use it, in place of one that nobody listens
on, and removed at the end.
"""

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import trio

from seemachine.config import Config
from seemachine.process.shortage import advice
from seemachine.server.ports import BACKLOG, CannotListen
from seemachine.state.errors import reason

# Whoever may open it may ask; the folder says who that is.
SOCKET_MODE = 0o660
FOLDER_MODE = 0o750
# For others of the same folder, which hold it for moments.
TURN_SECONDS = 5.0
LOOK_SECONDS = 0.01
ROOT = 0
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class SocketFile:
    """A socket that a process made: its path, and what no other at that path shares with it."""

    path: Path
    identity: tuple[int, int]
    process: int = field(default_factory=os.getpid)

    def remove(self) -> None:
        """Unless there is another one, or none, by now. It is not a child's."""
        with contextlib.suppress(OSError):
            if self.process == os.getpid() and _identity(self.path) == self.identity:
                self.path.unlink()


async def open_socket(config: Config) -> tuple[trio.SocketListener, SocketFile]:
    """Listen on the socket of the settings. Raises CannotListen."""
    path = config.socket_path
    try:
        _make_folder(path.parent)
        check_folder(path.parent, private_group=config.private_group)
        async with _turn(path.parent):
            _refuse_taken(path)
            path.unlink(missing_ok=True)
            return _listening(path)
    except OSError as error:
        why = f"{reason(error)}{advice(error)}"
        raise CannotListen(f"cannot listen on {path}: {why}") from error


def refuse_taken_socket(config: Config) -> None:
    """Raises CannotListen for a path that is taken, or whose folder is not fit.

    To be called first: nothing is made for a machine that can't listen.
    """
    if not config.socket:
        return
    path = config.socket_path
    if path.parent.exists():
        check_folder(path.parent, private_group=config.private_group)
        _refuse_taken(path)


def _refuse_taken(path: Path) -> None:
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found):
        raise CannotListen(f"{path} is not a socket; move it away, or name another path")
    if _is_heard(path):
        raise CannotListen(
            f"{path} is taken; choose another path with --socket or, in a file, socket = PATH"
        )


def check_folder(folder: Path, *, private_group: bool = False) -> None:
    """Refuse a folder where somebody else could put a socket in the place of ours.

    Raises CannotListen, OSError.
    """
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise CannotListen(f"{folder} is not a folder")
    shared = private_group and found.st_gid in {os.getegid(), *os.getgroups()}
    forbidden = stat.S_IWOTH if shared else OTHERS_WRITE
    # Where only the owner of a file may remove it, others do us no harm.
    if found.st_mode & forbidden and not found.st_mode & stat.S_ISVTX:
        raise CannotListen(
            f"others may put sockets into {folder} (mode {stat.S_IMODE(found.st_mode):04o}); run:"
            f" chmod go-w {folder}; or name a folder in it, which the machine makes"
        )
    if found.st_uid not in (ROOT, os.geteuid()):
        raise CannotListen(
            f"{folder} belongs to user {found.st_uid}, who could put another socket there; name a"
            " folder of your own"
        )


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Whatever the umask is; the folders above it are for us alone.
        folder.chmod(FOLDER_MODE)


@contextlib.asynccontextmanager
async def _turn(folder: Path) -> AsyncIterator[None]:
    """Two that start at one time do not both find a stale socket: the second would take the path
    from the first.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        given_up = trio.current_time() + TURN_SECONDS
        while not _locked(descriptor):
            if trio.current_time() > given_up:
                raise CannotListen(f"another process keeps {folder} locked; name another folder")
            await trio.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _listening(path: Path) -> tuple[trio.SocketListener, SocketFile]:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        # Nobody gets in before it listens.
        path.chmod(SOCKET_MODE)
        _give_to_group(path)
        made.listen(BACKLOG)
        file = SocketFile(path, _identity(path))
        return trio.SocketListener(trio.socket.from_stdlib_socket(made)), file
    except BaseException:
        made.close()
        raise


def _give_to_group(path: Path) -> None:
    """To that of the folder, where we are in it: who may enter that may use the socket. A folder
    with the setgid bit has done so already, also for a group that our namespace does not know.
    """
    with contextlib.suppress(OSError):
        os.chown(path, -1, path.parent.stat().st_gid)


def _is_heard(path: Path) -> bool:
    """Whether anybody listens; who could be asked for nothing else is taken to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino

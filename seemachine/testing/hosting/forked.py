"""What a child of a test's process does with its copies of what machines have open: they are the
parent's, which must be able to close them, open them again, and listen on the same port.
"""

import ctypes
import os
import select
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from stat import S_ISSOCK

import trio

OF_TCP = (socket.AF_INET, socket.AF_INET6)
DESCRIPTORS = Path("/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd")
EPOLL = Path("anon_inode:[eventpoll]")

# Each gives up what one machine has.
_given_up: set[Callable[[], None]] = set()


def give_up_in_children(give_up: Callable[[], None]) -> None:
    """Have that called in each child, until `no_longer`."""
    _given_up.add(give_up)


def no_longer(give_up: Callable[[], None]) -> None:
    """There is nothing to give up any more."""
    _given_up.discard(give_up)


def _in_child() -> None:
    for give_up in tuple(_given_up):
        with suppress(Exception):
            give_up()
    _given_up.clear()


os.register_at_fork(after_in_child=_in_child)


def never_close(kept: object) -> None:
    """Let Python keep it to the very end: SQLite would take the parent's log for its own to tidy
    up.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def replace_sockets(port: int, path: str) -> None:
    """Let go of what was taken from a port or a Unix socket, or listens there.

    Objects that nobody tells still have the numbers, and close them some day: they are of nothing
    by then, and of nobody else's file.
    """
    replace(_sockets(port, path))


def replace(descriptors: Iterable[int]) -> None:
    """Let go of what they are of; the numbers stay taken."""
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        for number in tuple(descriptors):
            os.dup2(nothing, number, inheritable=False)
    finally:
        os.close(nothing)


def leave_loop() -> None:
    """Have the copy of a loop that runs in a child wait by an epoll of its own. The two share one:
    what the copy no longer waits for, the loop of the parent would miss.
    """
    if not trio.lowlevel.in_trio_run():
        return
    for number in _numbers():
        with suppress(OSError):
            if (DESCRIPTORS / str(number)).readlink() == EPOLL:
                with _copy_of_epoll(number) as own:
                    os.dup2(own.fileno(), number, inheritable=False)


def _copy_of_epoll(number: int) -> select.epoll:
    """Another that waits for the same; what was given up meanwhile is left out."""
    made = select.epoll()
    for line in Path(f"/proc/self/fdinfo/{number}").read_text().splitlines():
        if line.startswith("tfd:"):
            _, waited_for, _, events, *_ = line.split()
            with suppress(OSError):
                made.register(int(waited_for), int(events, 16))
    return made


def _numbers() -> list[int]:
    """Of all that is open."""
    return [int(each.name) for each in DESCRIPTORS.iterdir()]


def _sockets(port: int, path: str) -> Iterator[int]:
    for number in _numbers():
        with suppress(OSError):
            if S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as copy:
                    if _is_of_machine(copy, port, path):
                        yield number


def _is_of_machine(open_socket: socket.socket, port: int, path: str) -> bool:
    """The program that is tested has sockets, too, perhaps on the same port of another address."""
    name = open_socket.getsockname()
    if open_socket.family == socket.AF_UNIX:
        return bool(name == path)
    if open_socket.family not in OF_TCP or open_socket.type != socket.SOCK_STREAM:
        return False
    return port > 0 and name[1] == port and ip_address(name[0]).is_loopback

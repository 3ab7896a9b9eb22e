"""Unix sockets of machines: which ones a folder has, and a connection to one."""

import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

# Between two tries where as many wait at the door as the system lets.
FULL_SECONDS = 0.01
ROOT = 0
_CREDENTIALS = struct.Struct("iII")


def sockets_in(folder: Path) -> Iterator[Path]:
    """Those of a folder, by name. A link is none: who may write there could have made it lead
    anywhere. Raises OSError.
    """
    for path in sorted(folder.iterdir()):
        if stat.S_ISSOCK(path.lstat().st_mode):
            yield path


def connected(path: str) -> socket.socket | None:
    """A connection, which does not block; None while so many wait that nobody else may.

    Raises OSError, also for a listener whom nobody has to trust.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.connect(path)
        refuse_stranger(path, listener_of(made))
    except BlockingIOError:
        made.close()
        return None
    except BaseException:
        made.close()
        raise
    return made


def listener_of(connection: socket.socket) -> int | None:
    """The user who listens at the other end, where the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(found)[1]
    return user


def refuse_stranger(path: str, user: int | None) -> None:
    """Raise OSError unless it is this user, root, or the owner of the socket's folder who listens:
    somebody else may have put a socket of theirs there, and would be asked to make keys.
    """
    folder = Path(path).parent
    owner = folder.stat().st_uid
    if user not in (None, ROOT, os.geteuid(), owner):
        raise OSError(
            f"user {user} listens there, and is neither this user nor the owner of {folder}"
        )

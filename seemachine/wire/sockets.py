"""Unix sockets: how one is written as an address, what it is called, how long its path may be."""

import re
import sys
from pathlib import Path

from seemachine.wire.names import is_esn

# Of an address: unix:/run/hsm/1-7852-268D-3BF9.sock, or unix: and a folder of such.
UNIX = "unix:"
# What the system's own struct has room for, its last byte left out.
MOST_PATH_BYTES = 103 if sys.platform == "darwin" else 107
_NAME = re.compile(r"([1-9]\d{0,4})-(.+)\.sock", re.ASCII)


def socket_path(given: str, folder: Path, module: int, esn: str) -> Path:
    """Where a machine's socket is that a setting names, relative to a folder: in it, as
    <module>-<ESN>.sock, where it is a folder or ends like one.
    """
    path = folder / given
    inside = given.endswith("/") or path.is_dir()
    return path / f"{module}-{esn}.sock" if inside else path


def module_and_esn(path: Path) -> tuple[int, str]:
    """Whose a socket is, by its name: its module comes first where many are listed. 0 and empty for
    one of another name.
    """
    found = _NAME.fullmatch(path.name)
    return (int(found[1]), found[2]) if found and is_esn(found[2]) else (0, "")


def too_long(path: Path) -> str:
    """Why no socket can have this path; empty where one can."""
    size = len(str(path).encode(errors="surrogateescape"))
    if size <= MOST_PATH_BYTES:
        return ""
    return (
        f"the path of a Unix socket has {MOST_PATH_BYTES} bytes at most, and {path} has {size};"
        " name a folder nearer to the root"
    )

"""Which file a name leads to.

The name of a file says where it lies, not that it is the one that lay there before.

A handle is what the kernel says of an inode, in three parts: its number, when it was made, and its
file handle (name_to_handle_at(2)), in which most file systems put a generation number, so that an
inode that is used again has another one. A copy has another handle, and so has a file that was
restored from a backup, also in the old place; renaming, writing and changing modes keep it. An
image of the whole disk that is put back keeps it too: that is not noticed here.

Containers may forbid the call, and some file systems don't know some parts. A part that one of two
handles lacks is not compared: a kernel or container that tells more after an update makes no copies
of what was there.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

AT_FDCWD = -100
AT_SYMLINK_FOLLOW = 0x400
STATX_BTIME = 0x800
STATX_BYTES = 256
MAX_HANDLE_BYTES = 128
# Of struct statfs, more than its size; its first field says which kind of file system it is.
STATFS_BYTES, STATFS_KIND = 512, 8
# Number of the inode, nanoseconds of its birth or 0; the kernel's handle, its type first, may
# follow.
FIXED = struct.Struct(">QQ")
# The kernel's own layouts, in the byte order of this machine: struct file_handle, and of struct
# statx the mask and the birth time.
HANDLE_HEAD = struct.Struct("=Ii")
STATX_MASK = struct.Struct("=I")
STATX_BIRTH, STATX_BIRTH_AT = struct.Struct("=qI"), 80

_libc = ctypes.CDLL(None, use_errno=True)


def handle_of(path: Path) -> bytes:
    """What the kernel says of this very file or folder.

    Compare with `same_file`. Symbolic links are followed. Raises OSError.
    """
    found = path.stat()
    return FIXED.pack(found.st_ino, _born(path, found)) + _kernel_handle(path)


def same_file(one: bytes, other: bytes) -> bool:
    """Whether two handles are of one file, in all that both of them tell."""
    if min(len(one), len(other)) < FIXED.size:
        return False
    (number, born), (other_number, other_born) = FIXED.unpack_from(one), FIXED.unpack_from(other)
    kernel, other_kernel = one[FIXED.size :], other[FIXED.size :]
    return number == other_number and _agree(born, other_born) and _agree(kernel, other_kernel)


def _agree(part: object, other: object) -> bool:
    return not part or not other or part == other


def _kernel_handle(path: Path) -> bytes:
    """Type and bytes of the file handle, the type in network order; nothing where it
    can't be had.
    """
    call = _function("name_to_handle_at")
    handle, mount = ctypes.create_string_buffer(HANDLE_HEAD.size + MAX_HANDLE_BYTES), ctypes.c_int()
    HANDLE_HEAD.pack_into(handle, 0, MAX_HANDLE_BYTES, 0)
    if call is None or call(
        AT_FDCWD, os.fsencode(path), handle, ctypes.byref(mount), AT_SYMLINK_FOLLOW
    ):
        return b""
    size, kind = HANDLE_HEAD.unpack_from(handle)
    return struct.pack(">i", kind) + handle.raw[HANDLE_HEAD.size :][:size]


def _born(path: Path, found: Any) -> int:
    """Nanoseconds of its birth since 1970, 0 where nobody knows."""
    if hasattr(found, "st_birthtime"):
        return int(found.st_birthtime * 1e9)
    call, answer = _function("statx"), ctypes.create_string_buffer(STATX_BYTES)
    failed = call is None or call(AT_FDCWD, os.fsencode(path), 0, STATX_BTIME, answer)
    if failed or not STATX_MASK.unpack_from(answer)[0] & STATX_BTIME:
        return 0
    seconds, nanoseconds = STATX_BIRTH.unpack_from(answer, STATX_BIRTH_AT)
    return max(0, int(seconds) * 10**9 + int(nanoseconds))


def _function(name: str) -> Callable[..., Any] | None:
    """A function of the C library, where it has that one."""
    found: Callable[..., Any] | None = getattr(_libc, name, None)
    return found


def filesystem_of(path: Path) -> bytes:
    """The kind of file system that a file lies on, as statfs(2) tells it; empty where nobody knows.

    Raises OSError.

    An overlay shows the inodes of the folder below it, numbers and birth times included. It is
    another kind.
    """
    call, answer = (
        _function("statfs") if sys.platform == "linux" else None,
        ctypes.create_string_buffer(STATFS_BYTES),
    )
    if call is None or call(os.fsencode(path), answer):
        return b""
    return answer.raw[:STATFS_KIND]


def boot_of_host() -> bytes:
    """What tells this boot of the host from the one before; empty where nobody knows."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    except OSError:
        return b""

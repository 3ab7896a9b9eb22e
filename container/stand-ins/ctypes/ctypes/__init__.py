"""Stands where Python's ctypes is missing: every library can be opened, and none has a function.

Who asks for one does without.

Trio imports ctypes at its start to name threads, and ours to ask the system more than Python does.
The container's entry point puts this folder on sys.path only when the real module can't be
imported.
"""

import errno
import os

c_int = int
create_string_buffer = bytearray


class CDLL:
    """A library without functions."""

    def __init__(self, name: str | None, use_errno: bool = False) -> None:
        """Take what the real one takes."""


def _no_process_descriptors(_pid: int, _flags: int = 0) -> int:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


# Where Python has no such function, trio would make one out of the C library at its import, and
# there is none.
if not hasattr(os, "pidfd_open"):
    setattr(os, "pidfd_open", _no_process_descriptors)  # noqa: B010 - it is not there, as type checkers see

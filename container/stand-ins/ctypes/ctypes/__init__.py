"""Stands where Python's ctypes is missing, so that trio, which imports it at its start to name threads, can be imported.

The container's entry point puts this folder on sys.path only when the real module can't be imported.
"""

from typing import Any

MISSING = "this Python has no ctypes module: no foreign function can be called"


class CDLL:
    """Can't be had. Raises OSError, as for a library that is not there; trio then leaves its threads without names."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise OSError(MISSING)

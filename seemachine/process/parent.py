"""Whoever started this process, and whether it is still there."""

import os


class Parent:
    """The parent that the process has when this is made.

    An orphan gets another one. That is looked at, since the system's own word (PR_SET_PDEATHSIG of
    prctl(2)) comes as soon as the parent's thread ends, and on Linux alone.
    """

    def __init__(self) -> None:
        self._pid = os.getppid()

    @property
    def is_gone(self) -> bool:
        """Whether it has ended."""
        return os.getppid() != self._pid

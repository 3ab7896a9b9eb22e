"""Whoever started this process, and whether it is still there."""

import os


class Parent:
    """The parent that the process has when this is made: first of all, since a program takes time
    to load, and one that has ended by then is never seen to end.

    An orphan gets another one. That is looked at, since the system's own word (PR_SET_PDEATHSIG of
    prctl(2)) comes as soon as the parent's thread ends, and on Linux alone.
    """

    def __init__(self) -> None:
        self.pid = os.getppid()

    @property
    def is_gone(self) -> bool:
        """Whether it has ended."""
        return os.getppid() != self.pid

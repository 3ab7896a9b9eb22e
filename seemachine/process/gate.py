"""The gate of a machine: once it is shut and nobody is inside, no thread touches its files any
more.
"""

import threading
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class GateShut(Exception):
    """The machine has stopped."""


class Gate:
    """Through which all work of a machine goes. Work that is given up is inside until it ends."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._inside = 0
        self._shut = False
        # How often it was opened again.
        self._opening = 0

    def through(self, work: Callable[[*Arguments], Result]) -> Callable[[*Arguments], Result]:
        """The same work. It raises GateShut, and does nothing, once the gate is shut; also when
        that was opened again.
        """
        opening = self._opening

        def guarded(*arguments: *Arguments) -> Result:
            self._enter(opening)
            try:
                return work(*arguments)
            finally:
                self._leave()

        return guarded

    def _enter(self, opening: int = 0) -> None:
        with self._change:
            if self._shut or opening != self._opening:
                raise GateShut
            self._inside += 1

    def _leave(self) -> None:
        with self._change:
            self._inside -= 1
            self._change.notify_all()

    def shut(self) -> None:
        """Wait until nobody is inside; from the first moment on nobody enters."""
        with self._change:
            self._shut = True
            self._change.wait_for(lambda: not self._inside)

    def reopen(self) -> None:
        """For other work than that which it was shut for."""
        with self._change:
            self._shut = False
            self._opening += 1

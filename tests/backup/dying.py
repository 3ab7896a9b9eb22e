"""Processes that die at every step of an operation."""

import os
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

DIED = 9


def dies_at(at: int, act: Callable[[], object]) -> bool:
    """Do something in a process of its own that dies before its change number `at` of the disk.

    Returns whether it came to that.
    """
    child = os.fork()
    if not child:
        try:
            _let_die(at)
            act()
            os._exit(0)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, DIED)
    return os.waitstatus_to_exitcode(status) == DIED


def _let_die(at: int) -> None:
    left = iter(range(at))

    def mortal(call: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            if next(left, None) is None:
                os._exit(DIED)
            return call(*arguments, **named)

        return done

    for owner, names in (
        (os, ("write", "fsync", "pwrite")),
        (Path, ("rename", "replace", "unlink", "mkdir", "rmdir")),
    ):
        for name in names:
            setattr(owner, name, mortal(getattr(owner, name)))


def every_step(act: Callable[[int], bool]) -> int:
    """Call with 0, 1, 2, ... until `act` says that it came to its end alive.

    Returns how many steps there were.
    """
    for at in count():
        try:
            if not act(at):
                return at
        except BaseException as error:
            error.add_note(f"after dying at step {at}")
            raise
    raise AssertionError

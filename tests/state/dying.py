"""Processes that die in the middle of an operation, and the files that they leave: the same files,
not copies of them.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kit.faults import Fault, FaultyOs

from seemachine.state import checkpoints
from seemachine.state.disk import durable

if TYPE_CHECKING:
    import pytest


class Died(BaseException):
    """The process died here."""


def left_behind(source: Path, target: Path) -> None:
    """Move a folder away as it is now, every file and folder in it being the same one, and leave a
    copy in its place.
    """
    source.rename(target)
    shutil.copytree(target, source)


def dying(
    fault: Fault,
    place: int,
    folder: Path,
    left: Path,
    act: Callable[[], object],
    patch: "pytest.MonkeyPatch",
) -> bool:
    """Let the process die at one place of an operation on `folder`, and move what is there to
    `left`.

    False: it did not come so far.
    """

    def die() -> None:
        left_behind(folder, left)
        raise Died

    with patch.context() as context:
        for module in (durable, checkpoints):
            context.setattr(module, "os", FaultyOs(fault))
        for name in ("replace", "unlink"):
            context.setattr(Path, name, _striking(fault, getattr(Path, name)))
        fault.arm(place, hook=die)
        with suppress(Died):
            act()
        fired = fault.fired
        fault.disarm()
    return fired


def _striking(fault: Fault, call: Callable[..., object]) -> Callable[..., object]:
    """A rename or a deletion that is a place to die at, before it happened."""

    def struck(path: Path, *arguments: object, **more: object) -> object:
        fault.strike(lambda _full: OSError())
        return call(path, *arguments, **more)

    return struck

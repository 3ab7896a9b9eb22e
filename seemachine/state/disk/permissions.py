"""Whether what a machine keeps is for its user alone.

It is made so; this notices what was opened or given away since.

In a pod, volumes belong to root and to a group of the pod, and are opened to that group each time
they are mounted. There `private_group` says that the process's groups have no other member: what
they share is then shared with nobody. What others may do is refused all the same.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from seemachine.frozen import frozen
from seemachine.state.errors import StateUnsafe
from seemachine.world import World

# Of a world, besides the machine's own folder: everything below these is secret, or what the
# promise about leaves rests on.
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ROOT = 0


def check_machine(machine: Path, *, private_group: bool = False) -> None:
    """Refuse the state of a machine that others may read or write, or that is somebody else's.

    What is not there yet is in order. Raises StateUnsafe.
    """
    us = _us(private_group=private_group)
    us.check(machine.parent, machine.parent, OTHERS_WRITE, "go-w")
    us.check_all(machine)


def check_world(world: World, *, private_group: bool = False) -> None:
    """The same of what all machines of a world share. Raises StateUnsafe."""
    us = _us(private_group=private_group)
    us.check(world.folder, world.folder, OTHERS_WRITE, "go-w")
    for kept in (world.cards, world.witness, world.key_file):
        us.check_all(kept)


def check_root(world: World) -> None:
    """Refuse root the world of another user, whom what root writes there would keep out.

    Others can't write there in the first place. Raises StateUnsafe.
    """
    if os.geteuid() != ROOT or not world.folder.exists():
        return
    owner = world.folder.stat().st_uid
    if owner != ROOT:
        raise StateUnsafe(
            f"{world} belongs to user {owner}, whom files of root there would keep out; run this as"
            f" that user, or run: chown -R {ROOT} {world}"
        )


@frozen
class _Us:
    """Who runs this: a user, and the groups that have no other member."""

    user: int
    groups: frozenset[int] = frozenset()

    def check_all(self, kept: Path) -> None:
        """A file, or a folder and all below it."""
        for path in _below(kept):
            self.check(path, kept, OTHERS, "-R go-rwx")

    def check(self, path: Path, kept: Path, forbidden: int, remedy: str) -> None:
        """One file or folder; `remedy` is the change of mode that mends it in `kept`."""
        try:
            found = path.stat()
        # Cards are moved while we look.
        except FileNotFoundError:
            return
        if not self._owns(found):
            raise StateUnsafe(
                f"{path} belongs to user {found.st_uid}, not to the one who runs this; run: chown"
                f" -R {self.user} {kept}{self._in_a_pod(found)}"
            )
        if self._opened(found, forbidden):
            raise StateUnsafe(
                f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}); run: chmod"
                f" {remedy} {kept}{self._in_a_pod(found)}"
            )
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise StateUnsafe(f"{path} is neither a file nor a folder; move it away")

    def _owns(self, found: os.stat_result) -> bool:
        """Root could read and write it anyway."""
        return found.st_uid == self.user or (found.st_uid == ROOT and found.st_gid in self.groups)

    def _opened(self, found: os.stat_result, forbidden: int) -> int:
        ours = stat.S_IRWXG if found.st_gid in self.groups else 0
        return found.st_mode & forbidden & ~ours

    def _in_a_pod(self, found: os.stat_result) -> str:
        """Where the command is root's to run, or would be undone by the next mount."""
        volume = found.st_uid == ROOT != self.user or found.st_mode & stat.S_ISGID
        return "; in a pod, do as docs/how-to/kubernetes.md says" if volume else ""


def _us(*, private_group: bool) -> _Us:
    return _Us(os.geteuid(), _groups() if private_group else frozenset())


def _groups() -> frozenset[int]:
    return frozenset({os.getegid(), *os.getgroups()})


def _below(kept: Path) -> Iterator[Path]:
    yield kept
    for folder, folders, files in os.walk(kept):
        yield from (Path(folder, name) for name in (*folders, *files))

"""Mounts and disks: the same files under another path, and images of a disk that keep every inode.

They need root.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from restores.ways import Parts, Way, run

DISK = "disk.img"
MEBIBYTES = 64
# XFS takes no less.
XFS_MEBIBYTES = 320


@cache
def may_mount() -> bool:
    """Whether this process may mount."""
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode
        == 0
    )


def overlay(world: Path, _parts: Parts, other: Path) -> None:
    """What is written through the mount lies beside the world."""
    layers = world.parent / "layers"
    for name in ("upper", "work"):
        (layers / name).mkdir(parents=True)
    options = f"lowerdir={world},upperdir={layers}/upper,workdir={layers}/work"
    run("mount", "-t", "overlay", "overlay", "-o", options, other)


def bind(world: Path, _parts: Parts, other: Path) -> None:
    """The very world under another path."""
    run("mount", "--bind", world, other)


def unmounted(_world: Path, other: Path) -> None:
    """Gone."""
    run("umount", other)


MOUNTS = (Way("overlay", overlay, unmounted), Way("bind mount", bind, unmounted))


class Disk:
    """A world on an ext4 disk in a file; an image of it is a copy of that file.

    First mounted, last unmounted, by the scene.
    """

    def __init__(self) -> None:
        self._saved = False

    def save(self, world: Path, _parts: Parts, kept: Path) -> None:
        """Make the disk; when it is there, take an image of it."""
        disk = world.parent / DISK
        if disk.exists():
            run("umount", world)
            shutil.copy(disk, kept / DISK)
        else:
            run("truncate", "-s", f"{MEBIBYTES}M", disk)
            run("mkfs.ext4", "-q", disk)
        run("mount", "-o", "loop", disk, world)
        world.chmod(0o700)

    def back(self, world: Path, kept: Path) -> None:
        """Put the image back; when that was done, unmount."""
        run("umount", world)
        if not self._saved:
            self._saved = True
            shutil.copy(kept / DISK, world.parent / DISK)
            run("mount", "-o", "loop", world.parent / DISK, world)


def disk_image() -> Way:
    """An image of the whole disk, for one scene."""
    disk = Disk()
    return Way("image of the disk", disk.save, disk.back)


def make_xfs(folder: Path) -> None:
    """A disk whose files can share blocks, mounted on a folder."""
    disk = folder.with_suffix(".img")
    run("truncate", "-s", f"{XFS_MEBIBYTES}M", disk)
    run("mkfs.xfs", "-q", "-m", "reflink=1", disk)
    run("mount", "-o", "loop", disk, folder)

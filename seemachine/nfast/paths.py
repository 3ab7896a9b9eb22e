"""Where the tools find and put things: the world's own /opt/nfast, whose kmdata is the world's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.held import FOLDER, held
from seemachine.world import World


def nfast(world: World) -> Path:
    """What /opt/nfast is on a host."""
    return world.nfast


def kmdata(world: World) -> Path:
    """Key management data: opt/nfast/kmdata, which leads to kmdata of the world."""
    link = nfast(world) / "kmdata"
    if not link.is_symlink():
        private_folder(world.kmdata)
        private_folder(link.parent)
        # Two tools that come first at the same time both find none.
        with contextlib.suppress(FileExistsError):
            link.symlink_to(Path("..") / ".." / "kmdata")
    return link


@contextlib.contextmanager
def alone(world: World) -> Iterator[None]:
    """Nobody else who is alone changes keys, cards, the issuer or enrolments of this host
    meanwhile.

    Not to be nested.
    """
    with held(kmdata(world), FOLDER):
        yield


def kmlocal(world: World) -> Path:
    """Key files of the host, as paths are printed."""
    usual = World.at(world.folder).keys
    folder = world.keys if world.keys != usual else kmdata(world) / "local"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def custom_seemachines(world: World) -> Path:
    """Where loadsee-setup is pointed to, and where pull_rfs looks (guide 2.5.1 steps 7, 8)."""
    return kmdata(world) / "custom-seemachines"


def rfs(world: World, esn: str) -> Path:
    """An HSM's folder on the RFS: its features and its configuration."""
    return kmdata(world) / f"hsm-{esn}"


def hardserver_log(world: World) -> Path:
    """Where the outcome of automatic loading is written."""
    return private_folder(nfast(world) / "log") / "hardserver.log"

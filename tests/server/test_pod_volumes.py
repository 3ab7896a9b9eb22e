"""Machines in pods: volumes with owners and modes as a kubelet leaves them, and unnamed users."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seemachine.config import Config
from seemachine.server.assembly import opened
from seemachine.server.logs import configure
from seemachine.state.cards.rack import Rack
from seemachine.state.disk.permissions import check_world
from seemachine.state.errors import StateUnsafe
from seemachine.state.nvram import file, sqlite, volatile  # noqa: F401 - a child may find no more
from seemachine.world import World

ESN = "7852-268D-3BF9"
DO = "; in a pod, do as docs/how-to/kubernetes.md says"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")


@dataclass(frozen=True)
class Pod:
    """Who a container runs as; `fs_group` is the group that its volumes are given, if any."""

    user: int
    group: int
    fs_group: int | None

    @property
    def groups(self) -> list[int]:
        """The groups beside its first one."""
        return [] if self.fs_group is None else [self.fs_group]


# A user that the manifest names, and one that OpenShift chooses; neither has an entry in passwd.
KUBERNETES = Pod(1000, 1000, 2000)
OPENSHIFT = Pod(1000680000, 0, 1000680000)
PODS = pytest.mark.parametrize("pod", [KUBERNETES, OPENSHIFT], ids=["kubernetes", "openshift"])


def mount(volume: Path, pod: Pod) -> None:
    """What a kubelet does before each start of a pod (its SetVolumeOwnership, for a volume that may
    be written): all of it goes to the group, which may read and write, and enter folders.
    """
    if pod.fs_group is None:
        return
    for path in (volume, *volume.rglob("*")):
        found = path.lstat()
        os.lchown(path, -1, pod.fs_group)
        if not stat.S_ISLNK(found.st_mode):
            more = 0o660 | (stat.S_ISGID | 0o110 if stat.S_ISDIR(found.st_mode) else 0)
            path.chmod(stat.S_IMODE(found.st_mode) | more)


def within(pod: Pod, act: Callable[[], str]) -> str:
    """What a call returns in a process of the pod's user, or the sentence of its refusal."""
    here, there = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups(pod.groups)
            os.setgid(pod.group)
            os.setuid(pod.user)
            os.umask(0o077)
            said = act()
        except StateUnsafe as error:
            said = f"refused: {error}"
        except BaseException as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}"
        os.write(there, said.encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def volume() -> Iterator[Path]:
    """A new volume as a file system gives it: root's, and others may look; any user gets there."""
    made = Path(tempfile.mkdtemp(prefix="pod-"))
    made.chmod(0o755)
    (made / "volume").mkdir(mode=0o755)
    yield made / "volume"
    shutil.rmtree(made)


def start(world: Path, *, private_group: bool = True, store: str = "sqlite") -> str:
    """A machine comes up, has a card and ends in order. Returns how often it was opened, and its
    doubt.
    """
    os.environ.pop("HOME", None)
    config = Config(
        esn=ESN,
        world=World.at(world),
        port=0,
        store=store,
        runtime_witness="off",
        private_group=private_group,
    )
    check_world(config.world, private_group=config.private_group)
    held = opened(config, {}, configure())
    Rack(config.world).new()
    said = f"opening {held.machine.store.epoch}{held.machine.store.doubt}"
    held.close()
    held.lock.release()
    return said


@PODS
@pytest.mark.parametrize("store", ["sqlite", "file"])
@pytest.mark.parametrize("below", ["", "world"])
def test_a_machine_starts_again_on_a_volume_with_a_group(
    volume: Path, pod: Pod, store: str, below: str
) -> None:
    """The world may be the volume, or a folder in it; each mount opens all of it to the group."""
    for number in (1, 2, 3):
        mount(volume, pod)
        assert within(pod, lambda: start(volume / below, store=store)) == f"opening {number}"
    assert (volume / below / "hsm" / ESN).stat().st_mode & 0o7777 == 0o2770


@PODS
def test_without_the_setting_it_is_refused_with_what_helps(volume: Path, pod: Pod) -> None:
    """Nobody can tell from a mode whether a group has other members."""
    mount(volume, pod)
    said = within(pod, lambda: start(volume, private_group=False))
    assert said.startswith(f"refused: {volume} belongs to user 0, not to the one who runs this")
    assert said.endswith(DO)
    world = volume / "world"
    assert within(pod, lambda: start(world, private_group=False)) == "opening 1"
    mount(volume, pod)
    said = within(pod, lambda: start(world, private_group=False))
    assert said == f"refused: {world} is open to others (mode 2770); run: chmod go-w {world}{DO}"


@PODS
def test_an_empty_folder_of_the_node(volume: Path, pod: Pod) -> None:
    """Its top is for all users: the world is a folder in it."""
    volume.chmod(0o777)
    mount(volume, pod)
    said = within(pod, lambda: start(volume))
    assert said == f"refused: {volume} is open to others (mode 2777); run: chmod go-w {volume}{DO}"
    for number in (1, 2):
        assert within(pod, lambda: start(volume / "world")) == f"opening {number}"
        mount(volume, pod)


def test_a_folder_of_group_0_as_in_an_image(volume: Path) -> None:
    """What an image gives to group 0 is for the user that OpenShift chooses."""
    pod = Pod(1000680000, 0, None)
    volume.chmod(0o775)
    for number in (1, 2):
        assert within(pod, lambda: start(volume)) == f"opening {number}"


@pytest.mark.parametrize(
    ("owner", "group", "mode", "refusal"),
    [
        (KUBERNETES.user, 3000, 0o640, "is open to others (mode 0640)"),
        (KUBERNETES.user, 2000, 0o661, "is open to others (mode 0661)"),
        (0, 3000, 0o600, "belongs to user 0"),
        (4000, 2000, 0o660, "belongs to user 4000"),
    ],
)
def test_what_others_have_is_refused_all_the_same(
    volume: Path, owner: int, group: int, mode: int, refusal: str
) -> None:
    """Another group, all users, root's alone, another user's: none is the pod's."""
    mount(volume, KUBERNETES)
    assert within(KUBERNETES, lambda: start(volume)) == "opening 1"
    seeds = volume / "hsm" / ESN / "nvram.db"
    os.chown(seeds, owner, group)
    seeds.chmod(mode)
    said = within(KUBERNETES, lambda: start(volume))
    assert said.startswith(f"refused: {seeds} {refusal}")

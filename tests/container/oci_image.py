"""`make oci`: both images as skopeo and umoci see them, and run from their unpacked roots.

It needs their Debian packages.
"""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from container.image_tree import ROOT, build, check, namespaces, session
from container.session import ESN

BUILT = ROOT / "build" / "container"
IMAGES = ("seemachine", "seemachine-client")
LAYOUT = f"oci:{BUILT / 'oci'}:"
ARCHIVE = f"docker-archive:{BUILT}/"
USER = 65532
DATA = "var/lib/seemachine"
VOLUMES = (DATA, "opt/nfast/sockets", "opt/nfast/kmdata")
LIBRARY = "usr/lib/seemachine"
# What a process of the client's image says: that it can sign, and where its programs are.
CLIENT = """
import json, shutil, sys
import seeclient.blocking
from seemachine.lms import engines
print(json.dumps([engines.select().name, shutil.which("pipsqueak"), sys.flags.no_site]))
"""
# As a container runtime would: the root read-only, one volume, /dev/null, a network of its own;
# then the image's user and nothing else.
CAGE = """
set -e
mkdir "$1/dev"
touch "$1/dev/null"
mount --bind "$1" "$1"
mount -t tmpfs -o uid="$2",mode=700 none "$1/var/lib/seemachine"
mount --bind /dev/null "$1/dev/null"
mount -o remount,bind,ro "$1"
if touch "$1/etc/written" 2>/dev/null; then echo 'the root can be written' >&2; exit 1; fi
shift 2
exec "$@"
"""


def inspected(image: str) -> dict[str, Any]:
    """What an image says about itself."""
    done = subprocess.run(
        ["skopeo", "inspect", "--config", "--raw", image], stdout=subprocess.PIPE, check=True
    )
    config: dict[str, Any] = json.loads(done.stdout)["config"]
    return config


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The roots that umoci unpacks."""
    return {name: unpacked(name, tmp_path_factory.mktemp(name) / "bundle") for name in IMAGES}


def unpacked(name: str, bundle: Path) -> Path:
    """The root of one image."""
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    subprocess.run(
        ["umoci", "unpack", *rootless, "--image", f"{BUILT / 'oci'}:{name}", str(bundle)],
        stderr=subprocess.PIPE,
        check=True,
    )
    return bundle / "rootfs"


@pytest.fixture
def root(roots: dict[str, Path]) -> Path:
    """That of the machine."""
    return roots["seemachine"]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_not_run_as_root(name: str) -> None:
    """Its user is none that a host has, and its world is a folder that this user makes."""
    config = inspected(LAYOUT + name)
    assert config["User"] == f"{USER}:{USER}"
    assert f"SEEMACHINE_HOME=/{DATA}/world" in config["Env"]
    assert "for test only" in config["Labels"]["org.opencontainers.image.description"]


def test_the_machine_says_how_it_is_to_be_run() -> None:
    """One port, one volume, the entry point; a healthcheck in the form that has one."""
    config = inspected(LAYOUT + "seemachine")
    assert config["ExposedPorts"] == {"8888/tcp": {}}
    assert config["Volumes"] == {f"/{DATA}": {}}
    assert config["Entrypoint"] == ["python3", "-ISB", "/usr/bin/entrypoint"]
    assert inspected(f"{ARCHIVE}seemachine-image.tar")["Healthcheck"]["Test"] == [
        "CMD",
        "python3",
        "-ISB",
        "/usr/bin/healthcheck",
    ]


def test_the_machine_holds_the_tree_and_the_engine(root: Path, tmp_path: Path) -> None:
    """Every file of the CodeSafe tree with its bytes and its mode; of what is compiled, the engine
    and byte code alone.
    """
    build(tmp_path, "--tree-only")
    tree = tmp_path / "tree"
    for path in tree.rglob("*"):
        packed = root / path.relative_to(tree)
        if path.is_file():
            assert packed.read_bytes() == path.read_bytes()
        if path == tree / DATA:
            continue
        assert stat.S_IMODE(packed.stat().st_mode) == stat.S_IMODE(path.stat().st_mode)
    more = {path for path in (root / LIBRARY).rglob("*") if path.is_file()}
    more -= {root / path.relative_to(tree) for path in tree.rglob("*")}
    assert {path.name for path in more if path.suffix != ".pyc"} == {"_native.abi3.so"}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_little_else(roots: dict[str, Path], name: str) -> None:
    """No shell, no package manager, nothing that changes its user, nothing that all may write to;
    where volumes are mounted, it is the user's, and that of the group root, in which any user of a
    pod is.
    """
    root = roots[name]
    for path in [path for path in root.rglob("*") if not path.is_symlink()]:
        mode = path.stat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID), path
        assert not mode & stat.S_IWOTH, path
    programs = {
        path.name
        for folder in ("bin", "sbin", "usr/bin", "usr/sbin")
        for path in (root / folder).glob("*")
    }
    assert not programs & {"sh", "dash", "bash", "busybox", "dpkg", "apt", "perl"}
    mounted = {root / place for place in VOLUMES}
    for path in mounted:
        assert stat.S_IMODE(path.stat().st_mode) == 0o770
    if os.geteuid() == 0:
        assert {path for path in root.rglob("*") if path.lstat().st_uid != 0} == mounted
        assert {(path.stat().st_uid, path.stat().st_gid) for path in mounted} == {(USER, 0)}


def test_the_machine_serves_a_session(root: Path) -> None:
    """Run from its root, read-only, as its user, with its entry point: healthy, and keys sign, made
    by the native engine.
    """
    unshare, reason = namespaces()
    if reason or os.geteuid() != 0:
        pytest.skip(reason or "only root can become the image's user")
    inside = [str(shutil.which("chroot")), f"--userspec={USER}:{USER}", "--groups=", str(root)]
    health = inspected(f"{ARCHIVE}seemachine-image.tar")["Healthcheck"]["Test"][1:]
    plan = {
        "command": [*inside, *inspected(f"{LAYOUT}seemachine")["Entrypoint"]],
        "health": [*inside, *health],
        "options": [],
        "data": f"/{DATA}/world",
        "home": str(root.parent),
    }
    told = session(plan, [*unshare, "sh", "-c", CAGE, "cage", str(root), str(USER)])
    check(told)
    assert told["health"] == ESN
    assert all(told["reached"].values())
    assert '"engine": "portable"' not in told["log"]


def test_the_client_has_library_commands_and_engine(roots: dict[str, Path]) -> None:
    """Its Python imports what signs, and finds the commands, which name this Python."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root")
    config = inspected(f"{LAYOUT}seemachine-client")
    environment = dict(word.split("=", 1) for word in config["Env"])
    inside = ["chroot", f"--userspec={USER}:{USER}", "--groups=", str(roots["seemachine-client"])]
    done = subprocess.run(
        [*inside, "python3", "-c", CLIENT],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(done.stdout) == ["native", "/usr/bin/pipsqueak", 0]
    shown = subprocess.run([*inside, "pipsqueak", "--help"], env=environment, check=False)
    assert shown.returncode == 0


def test_the_same_sources_give_the_same_images() -> None:
    """Built again, compiled again, the images have the same digests."""
    before = (BUILT / "oci" / "index.json").read_bytes()
    subprocess.run([str(ROOT / "container" / "oci.sh")], stdout=subprocess.PIPE, check=True)
    assert (BUILT / "oci" / "index.json").read_bytes() == before

"""`make oci`: the OCI image as skopeo and umoci see it, and run from its unpacked root.

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
from container.image_tree import ROOT, check, namespaces, session
from container.session import ESN

BUILT = ROOT / "build" / "container"
LAYOUT = f"oci:{BUILT / 'oci'}:seemachine"
ARCHIVE = f"docker-archive:{BUILT / 'seemachine-image.tar'}"
USER = 65532
DATA = "var/lib/seemachine"
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
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that umoci unpacks."""
    bundle = tmp_path_factory.mktemp("oci") / "bundle"
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    subprocess.run(
        ["umoci", "unpack", *rootless, "--image", f"{BUILT / 'oci'}:seemachine", str(bundle)],
        stderr=subprocess.PIPE,
        check=True,
    )
    return bundle / "rootfs"


def test_the_image_says_how_it_is_to_be_run() -> None:
    """Not as root, one port, one volume, the entry point; a healthcheck in the form
    that has one.
    """
    config = inspected(LAYOUT)
    assert config["User"] == f"{USER}:{USER}"
    assert config["ExposedPorts"] == {"8888/tcp": {}}
    assert config["Volumes"] == {f"/{DATA}": {}}
    assert config["Entrypoint"] == ["python3", "-ISB", "/usr/bin/entrypoint"]
    assert inspected(ARCHIVE)["Healthcheck"]["Test"] == [
        "CMD",
        "python3",
        "-ISB",
        "/usr/bin/healthcheck",
    ]


def test_the_image_holds_the_tree(root: Path) -> None:
    """Every file of the tree, with its bytes, readable by anybody and writable by root alone."""
    tree = BUILT / "tree"
    for path in tree.rglob("*"):
        packed = root / path.relative_to(tree)
        if path.is_file():
            assert packed.read_bytes() == path.read_bytes()
        if path == tree / DATA:
            continue
        assert stat.S_IMODE(packed.stat().st_mode) == stat.S_IMODE(path.stat().st_mode)


def test_the_image_holds_little_else(root: Path) -> None:
    """No shell, no package manager, nothing that changes its user, nothing that all may write to;
    the data folder is the user's.
    """
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
    data = (root / DATA).stat()
    assert stat.S_IMODE(data.st_mode) == 0o700
    if os.geteuid() == 0:
        assert [path for path in root.rglob("*") if path.lstat().st_uid != 0] == [root / DATA]
        assert (data.st_uid, data.st_gid) == (USER, USER)


def test_the_image_serves_a_session(root: Path) -> None:
    """Run from its root, read-only, as its user, with its entry point: healthy, and keys sign."""
    unshare, reason = namespaces()
    if reason or os.geteuid() != 0:
        pytest.skip(reason or "only root can become the image's user")
    inside = [str(shutil.which("chroot")), f"--userspec={USER}:{USER}", "--groups=", str(root)]
    plan = {
        "command": [*inside, *inspected(LAYOUT)["Entrypoint"]],
        "health": [*inside, *inspected(ARCHIVE)["Healthcheck"]["Test"][1:]],
        "options": [],
        "data": f"/{DATA}",
        "home": str(root.parent),
    }
    told = session(plan, [*unshare, "sh", "-c", CAGE, "cage", str(root), str(USER)])
    check(told)
    assert told["health"] == ESN
    assert all(told["reached"].values())


def test_the_same_bytes_give_the_same_image() -> None:
    """Built again from files with other times, the image has the same digest."""
    before = (BUILT / "oci" / "index.json").read_bytes()
    for path in (BUILT / "tree").rglob("*"):
        os.utime(path)
    subprocess.run([str(ROOT / "container" / "oci.sh")], stdout=subprocess.PIPE, check=True)
    assert (BUILT / "oci" / "index.json").read_bytes() == before

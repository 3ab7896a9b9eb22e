"""The image tree as the container would run it: a bare Python, nothing of the project around it."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from container.image_tree import check, command, namespaces, python_of, session, unneeded
from container.session import ESN

from container import image_tree

# In a mount namespace: the tree at /mnt/tree, read-only, and an empty /mnt/data; nothing else of
# the test's folder is below /mnt. Nothing is in /proc.
CAGE = """
set -e
mount -t tmpfs none /mnt
chmod 755 /mnt
mkdir /mnt/tree /mnt/data
mount --bind "$1" /mnt/tree
mount -o remount,bind,ro /mnt/tree
if touch /mnt/tree/written 2>/dev/null; then echo 'the tree can be written' >&2; exit 1; fi
chown "$2" /mnt/data
mount -t tmpfs none /proc
shift 2
exec "$@"
"""
# C modules that the container's Python may lack; * is every one that is not needed. Blocked, they
# are missing as they would be there: the
# Python part of them is present.
LACKS = {
    "nothing": ("", []),
    "ssl": ("_ssl", ["ssl"]),
    "all that it can do without": (
        "os.pidfd_open *",
        ["ssl", "ctypes", "hashlib.shake_256", "sqlite3", "zlib", "mmap"],
    ),
}


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """A data folder and a home for the client's keys."""
    (tmp_path / "home").mkdir()
    return {"home": str(tmp_path / "home"), "data": str(tmp_path / "data")}


def snapshot(tree: Path) -> dict[str, tuple[int, float]]:
    """Modes and times of a tree."""
    return {
        path.as_posix(): (path.stat().st_mode, path.stat().st_mtime) for path in tree.rglob("*")
    }


@pytest.mark.parametrize("lacking", LACKS)
def test_a_bare_python_serves_a_session(image: Path, places: dict[str, str], lacking: str) -> None:
    """Keys are made, survive SIGKILL, go over a card and sign; what is missing is named; no process
    is started, nothing else written.
    """
    blocked, named = LACKS[lacking]
    before = snapshot(image)
    told = session(
        {
            **places,
            "command": command(image, Path(places["data"]), blocked.replace("*", unneeded())),
        }
    )
    check(told)
    assert snapshot(image) == before
    missing = [
        line.split()[2].rstrip(":")
        for line in told["log"].splitlines()
        if line.startswith("seemachine: missing")
    ]
    assert set(missing) >= set(named)
    if "hashlib.shake_256" in missing:
        assert told["stateless"].startswith("NotAvailable(73): dilithium-py can't be imported")
    else:
        assert told["stateless"] == "signed"
    if lacking == "nothing" and not missing_here():
        assert missing == []
    assert '"store": "file"' in told["log"]
    assert '"engine": "portable"' in told["log"]


def missing_here() -> bool:
    """Whether the Python of the tests lacks something itself."""
    code = "import ssl, sqlite3, ctypes, zlib, mmap, hashlib; hashlib.shake_256"
    return (
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], stderr=subprocess.DEVNULL, check=False
        ).returncode
        != 0
    )


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every user reaches; what lies in it may be write-protected."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    shutil.rmtree(folder)


def test_a_tree_without_write_permission_is_enough(
    image: Path, places: dict[str, str], open_place: Path
) -> None:
    """By a user who may write to nothing of the tree, which is nobody when root starts it, a
    session is served.
    """
    user, python = unprivileged()
    tree, data = open_place / "tree", open_place / "data"
    shutil.copytree(image, tree)
    for path in [tree, *tree.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, user)
    check(
        session(
            {
                **places,
                "data": str(data),
                "user": user,
                "command": command(tree, data, python=python),
            }
        )
    )


def unprivileged() -> tuple[int | None, str]:
    """The user to become, none unless root runs the tests, and a Python that this user can run."""
    user = image_tree.NOBODY if os.geteuid() == 0 else None
    python = python_of(image_tree.NOBODY) if user else sys.executable
    if not python:
        pytest.skip("nobody can run none of the Pythons here")
    return user, python


def test_a_caged_session_as_nobody(image: Path, places: dict[str, str]) -> None:
    """On a read-only mount, in namespaces of its own, as nobody when root starts it, without
    sqlite3: a session is served.

    With the settings of the image as they are: port 8888, at all addresses of IPv4 and IPv6.
    """
    unshare, reason = namespaces()
    if reason:
        pytest.skip(reason)
    user, python = unprivileged()
    tree, data = Path("/mnt/tree"), Path("/mnt/data")
    run = {
        "command": command(tree, data, "_sqlite3", python),
        "health": [python, "-ISB", str(tree / "usr/bin/healthcheck")],
        "options": [],
    }
    told = session(
        {**places, **run, "data": str(data), "user": user},
        [*unshare, "sh", "-c", CAGE, "cage", str(image), str(user or 0)],
    )
    check(told)
    assert '"port": 8888' in told["log"]
    assert told["reached"]
    assert all(told["reached"].values())
    assert told["health"] == ESN

"""Podman for one test run: storage, networks and settings in a folder of their own.

It is the runtime that Debian has. Root runs it; nothing of the host's own containers is seen.
"""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from container.image_tree import ROOT

BUILT = ROOT / "build" / "container"
MACHINE, CLIENT = "seemachine:local", "seemachine-client:local"
ARCHIVES = {MACHINE: "seemachine-image.tar", CLIENT: "seemachine-client-image.tar"}
NETWORK = "hsms"
DATA = "/var/lib/seemachine"
# As the documents say that the machine is to be run.
HARDENED = ("--read-only", "--cap-drop", "all")
SETTINGS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "{runtime}"
tmp_dir = "{folder}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


def lack() -> str:
    """Why there are no containers here; empty where there are."""
    if os.geteuid() != 0:
        return "podman is run by root here"
    missing = [name for name in ("podman", "conmon") if not shutil.which(name)]
    missing += [name for name in ARCHIVES.values() if not (BUILT / name).exists()]
    return f"not there: {', '.join(missing)}; see make containers" if missing else ""


class Podman:
    """The command, and the environment in which any program finds this podman."""

    def __init__(self, folder: Path) -> None:
        conditions = {
            "folder": folder,
            "runtime": "runc" if shutil.which("runc") else "crun",
            # Where not even root may raise a limit.
            "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            "processes": 4096,
        }
        settings, storage = folder / "containers.conf", folder / "storage.conf"
        settings.write_text(SETTINGS.format(**conditions))
        storage.write_text(STORAGE.format(**conditions))
        self.env = {
            **os.environ,
            "CONTAINERS_CONF": str(settings),
            "CONTAINERS_STORAGE_CONF": str(storage),
        }
        for archive in ARCHIVES.values():
            self("load", "--quiet", "--input", str(BUILT / archive))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            ["podman", *words],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def __call__(self, *words: str) -> str:
        """What a command that succeeds prints."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, *words: str, image: str = MACHINE, given: tuple[str, ...] = ()) -> str:
        """A container that goes on. Returns its name."""
        return self("run", "--detach", *HARDENED, *words, image, *given)

    def healthy(self, name: str) -> bool:
        """What the image's healthcheck says now."""
        return self.run("healthcheck", "run", name).returncode == 0

    def inspected(self, name: str) -> dict[str, Any]:
        """The state of a container."""
        [told] = json.loads(self("inspect", name))
        state: dict[str, Any] = told["State"]
        return state

    def log(self, name: str) -> str:
        """What it wrote to standard error and output."""
        done = self.run("logs", name)
        return done.stdout + done.stderr

    def close(self) -> None:
        """Nothing of it stays."""
        self.run("rm", "--force", "--all", "--time", "0")
        self.run("volume", "prune", "--force")
        self.run("network", "prune", "--force")
        self.run("rmi", "--force", "--all")


def within(seconds: float, holds: Callable[[], bool]) -> float:
    """How long it took until it held."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began

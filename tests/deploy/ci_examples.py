"""The examples of deploy/ci, as tests read them."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "ci"
MACHINE, CLIENT = "seemachine:local", "seemachine-client:local"
FIRST_PORT = 8888


def read(name: str) -> dict[str, Any]:
    """One YAML document."""
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    # YAML 1.1, which pyyaml reads, takes the key for a truth value; GitHub does not.
    return {"on" if key is True else key: value for key, value in document.items()}


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """The services of a compose file."""
    services: dict[str, Any] = read(name)["services"]
    return services


def github_jobs() -> dict[str, Any]:
    """Those of the workflow."""
    jobs: dict[str, Any] = read("github-actions.yml")["jobs"]
    return jobs


def github_service() -> dict[str, Any]:
    """The machines beside its steps."""
    service: dict[str, Any] = github_jobs()["service"]["services"]["fleet"]
    return service


def gitlab_jobs() -> dict[str, Any]:
    """Those of the pipeline."""
    return read("gitlab-ci.yml")


def pod() -> dict[str, Any]:
    """What the job's pod is to be."""
    spec: dict[str, Any] = read("kubernetes-sidecar.yaml")["spec"]["template"]["spec"]
    return spec


def devcontainer() -> dict[str, Any]:
    """Without its comments, each of which has a line of its own."""
    text = (FOLDER / "devcontainer" / "devcontainer.json").read_text()
    document: dict[str, Any] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return document


def lines(job: dict[str, Any]) -> list[str]:
    """The command lines of a job of either kind, in their order."""
    if "script" in job:
        return list(job["script"])
    return [step["run"] for step in job["steps"] if "run" in step]


def programs(folder: Path) -> str:
    """The commands of an installation, in a folder of their own, as a value of PATH. `pip` is not
    run: it writes down its words.
    """
    python = shlex.quote(sys.executable)
    texts = {
        "pip": 'printf "%s\\n" "$@"',
        "pipsqueak": f'exec {python} -m seeclient "$@"',
        "pytest": f'exec {python} -m pytest -p no:cacheprovider "$@"',
        "python": f'exec {python} "$@"',
        "python3": f'exec {python} "$@"',
        "seemachine": f'exec {python} -m seemachine "$@"',
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def run(line: str, place: Path, env: Mapping[str, str]) -> str:
    """Run a line as a runner would, beside sign.py and its tests. Returns what it prints."""
    for name in ("sign.py", "test_sign.py"):
        (place / name).write_bytes((FOLDER / name).read_bytes())
    done = subprocess.run(
        ["sh", "-ec", line],
        env={**env, "SEEMACHINE": "the wheel"},
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def serve_words() -> dict[str, list[str]]:
    """What each example gives to the machine's image, after its name."""
    text = (FOLDER / "testcontainers_example.py").read_text()
    [command] = re.findall(r"with_command\(f\"(.+?)\"\)", text)
    [esn] = re.findall(r'^ESN = "(.+)"$', text, re.MULTILINE)
    return {
        "compose.yaml": compose()["fleet"]["command"],
        "compose-sockets.yaml": compose("compose-sockets.yaml")["fleet"]["command"],
        "github-actions.yml": github_service()["command"].split(),
        "gitlab-ci.yml": gitlab_jobs()["service"]["services"][0]["command"],
        "kubernetes-sidecar.yaml": pod()["initContainers"][0]["args"],
        "testcontainers_example.py": command.replace("{ESN}", esn).split(),
    }

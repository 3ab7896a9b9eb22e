"""`make containers`: the examples of deploy/ci in containers, by the programs that read them where
podman has one, else as those would do it.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from container.podman import CLIENT, DATA, HARDENED, MACHINE, NETWORK, Podman, within
from container.session import ESN

from deploy import ci_examples as examples

POD = "job"
# Native sidecars are in every cluster from 1.29 on.
CLUSTERS = ("1.29", kubernetes_validate.latest_version())


@pytest.fixture(autouse=True)
def nothing_left(podman: Podman) -> Iterator[None]:
    """No container of one example is there in the next."""
    yield
    podman.run("pod", "rm", "--force", "--all")
    podman.run("rm", "--force", "--all", "--time", "0")
    podman.run("volume", "prune", "--force")


def compose(podman: Podman, name: str, *words: str) -> str:
    """What podman-compose prints for one of the files."""
    done = subprocess.run(
        [sys.executable, "-m", "podman_compose", "-f", str(examples.FOLDER / name), *words],
        env=podman.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "services"),
    [
        ("compose.yaml", ["client", "client"]),
        ("compose-sockets.yaml", ["keys", "client", "client"]),
    ],
)
def test_compose(podman: Podman, name: str, services: list[str]) -> None:
    """Once the fleet is healthy each run of a client signs, with the next leaf. Podman 4.3 does not
    wait for health by itself, so this test does.
    """
    began = time.monotonic()
    compose(podman, name, "up", "--detach", "fleet")
    fleet = podman("ps", "--quiet")
    within(20, lambda: podman.healthy(fleet))
    print(f"{name}: healthy after {time.monotonic() - began:.1f} s")
    for leaf, service in enumerate(services):
        printed = compose(podman, name, "run", "--rm", "--no-deps", service)
        assert f"signed by leaf {leaf} of {ESN}" in printed
    compose(podman, name, "down", "--volumes")
    assert podman("ps", "--all", "--quiet") == ""


def test_an_application_of_the_socket_volume_makes_no_key(podman: Podman) -> None:
    """Its kmdata is read-only, which it is told; it has no network."""
    name = "compose-sockets.yaml"
    compose(podman, name, "up", "--detach", "fleet")
    within(20, lambda: podman.healthy(podman("ps", "--quiet")))
    with pytest.raises(AssertionError, match="kmdata/local: Read-only file system"):
        compose(podman, name, "run", "--rm", "--no-deps", "client")


@contextlib.contextmanager
def docker_api(podman: Podman, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a program that speaks to docker: podman answers."""
    place = f"unix://{folder}/api"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time", "0", place], env=podman.env
    )
    try:
        within(10, (folder / "api").exists)
        yield {
            **podman.env,
            "DOCKER_HOST": place,
            # Its helper is an image of a registry, and this host may look like a container.
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
        }
    finally:
        service.terminate()
        service.wait()


def test_testcontainers(podman: Podman, tmp_path: Path) -> None:
    """The example is a test of a user's, and passes."""
    shutil.copy(examples.FOLDER / "testcontainers_example.py", tmp_path / "test_example.py")
    with docker_api(podman, tmp_path) as env:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "test_example.py"],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("version", CLUSTERS)
def test_the_manifest_is_one_of_a_cluster(version: str) -> None:
    """Every field is one that this version has, of its type; a misspelled one is found."""
    manifest = examples.read("kubernetes-sidecar.yaml")
    kubernetes_validate.validate(manifest, version, strict=True)
    [sidecar] = manifest["spec"]["template"]["spec"]["initContainers"]
    sidecar["restartPolice"] = sidecar.pop("restartPolicy")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, version, strict=True)


def volumes(folder: Path, spec: dict[str, Any]) -> dict[str, Path]:
    """As a kubelet leaves them: root's, with the pod's group and the bit that hands it on."""
    made = {volume["name"]: folder / volume["name"] for volume in spec["volumes"]}
    for path in made.values():
        path.mkdir()
        os.chown(path, 0, spec["securityContext"]["fsGroup"])
        path.chmod(0o2777)
    shutil.copy(examples.FOLDER / "sign.py", made["job"])
    return made


def contained(spec: dict[str, Any], each: dict[str, Any], made: dict[str, Path]) -> list[str]:
    """One container of the pod in podman's words."""
    us = spec["securityContext"]
    user = ["--user", f"{us['runAsUser']}:{us['runAsGroup']}", "--group-add", str(us["fsGroup"])]
    for mount in each["volumeMounts"]:
        mode = "ro" if mount.get("readOnly") else "rw"
        user += ["--volume", f"{made[mount['name']]}:{mount['mountPath']}:{mode}"]
    for variable in each.get("env", []):
        user += ["--env", f"{variable['name']}={variable['value']}"]
    first, *rest = each.get("command", [""])
    entry = ["--entrypoint", first] if first else []
    words = [*HARDENED, "--pod", POD, "--name", each["name"], *user, *entry, each["image"]]
    return [*words, *rest, *each.get("args", [])]


def test_the_pod(podman: Podman) -> None:
    """In one pod's network the job's container finds the sidecar on loopback once its startup probe
    succeeds, and signs; the sidecar then ends in order, which lets the job end.
    """
    spec = examples.pod()
    [sidecar], [job] = spec["initContainers"], spec["containers"]
    probe = sidecar["startupProbe"]["exec"]["command"]
    # Not below a folder that only root enters.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = volumes(Path(folder), spec)
        podman("pod", "create", "--name", POD)
        podman("run", "--detach", *contained(spec, sidecar, made))
        within(20, lambda: podman.run("exec", sidecar["name"], *probe).returncode == 0)
        printed = podman("run", *contained(spec, job, made))
        assert printed.startswith("/job/sign.py is signed by leaf 0 of ")
        podman("stop", sidecar["name"])
        assert podman.inspected(sidecar["name"])["ExitCode"] == 0


def test_the_service_of_github(podman: Podman, tmp_path: Path) -> None:
    """The service starts with its options, and its image's healthcheck; each step then does what it
    says on the runner.
    """
    job, service = examples.github_jobs()["service"], examples.github_service()
    # As the runner puts them together; ports of this host are any that are free.
    inside = [each.partition(":")[2] for each in service["ports"]]
    ports = [word for each in inside for word in ("-p", f"127.0.0.1::{each}")]
    options, command = shlex.split(service["options"]), shlex.split(service["command"])
    name = podman("run", "--detach", *ports, *options, MACHINE, *command)
    within(20, lambda: podman.healthy(name))
    fleet = ",".join(podman("port", name, f"{each}/tcp") for each in inside)
    env = {
        **os.environ,
        "PATH": examples.programs(tmp_path / "bin"),
        "SEEMACHINE_HOME": str(tmp_path / "world"),
        "SEEMACHINE_FLEET": fleet,
    }
    assert set(job["env"]) == {"SEEMACHINE_FLEET"}
    printed = [examples.run(line, tmp_path, env) for line in examples.lines(job)]
    assert any("is signed by leaf 0 of" in text for text in printed)


def test_the_service_of_gitlab(podman: Podman, tmp_path: Path) -> None:
    """The service has its name and its command; each line of the script does what it says in the
    client's image.
    """
    job = examples.gitlab_jobs()["service"]
    [service] = job["services"]
    place = ["--network", NETWORK, "--network-alias", service["alias"]]
    podman("run", "--detach", *place, MACHINE, *service["command"])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(examples.FOLDER / "sign.py", folder)
        # The runner's helper leaves it open to the job's user.
        Path(folder).chmod(0o777)
        mounts = ["-v", f"{folder}:/builds", "-v", f"builds:{DATA}", "--workdir", "/builds"]
        variables = [f"--env={key}={value}" for key, value in job["variables"].items()]
        run = ["run", "--rm", "--network", NETWORK, *mounts, *variables, CLIENT]
        printed = [podman(*run, *shlex.split(line)) for line in job["script"]]
    assert "sign.py is signed by leaf 0 of" in printed[1]
    assert "firmware" in printed[2]

"""The examples of deploy/ci: their schemas, their words, and each of their command lines, executed.

`make containers` runs them in containers; see tests/container/podman_ci.py.
"""

import copy
import json
import shlex
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for

from deploy import ci_examples as examples
from seemachine import testing
from seemachine.cli.command import read

ROOT = Path(__file__).parents[2]
# Found without an import, which would load a whole command.
[VALIDATOR] = find_spec("check_jsonschema").submodule_search_locations  # type: ignore[union-attr]
VENDORED = Path(VALIDATOR, "builtin_schemas", "vendor")
# Example, its schema, and a slip that the schema has to find.
SCHEMAS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "compose.yaml": ("compose-spec", lambda it: it["services"]["fleet"].update(comand=[])),
    "compose-sockets.yaml": ("compose-spec", lambda it: it["services"]["keys"].update(tmpfs=1)),
    "github-actions.yml": (
        "github-workflows",
        lambda it: it["jobs"]["service"]["steps"].append({"runs": "true"}),
    ),
    "gitlab-ci.yml": ("gitlab-ci", lambda it: it["service"].update(service=["fleet"])),
}
FLEET_WORDS = {"command", "tests", "service"}
# Of the development container specification: the properties that are used here, and their types.
DEVCONTAINER = {
    "name": str,
    "image": str,
    "containerUser": str,
    "mounts": list,
    "postStartCommand": str,
}


def slips(name: str, document: dict[str, Any]) -> list[str]:
    """What the published schema finds wrong."""
    schema = json.loads((VENDORED / f"{SCHEMAS[name][0]}.json").read_text())
    return [error.message for error in validator_for(schema)(schema).iter_errors(document)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_example_is_what_its_schema_says(name: str) -> None:
    """It has no slip, and one that is made is found."""
    document = examples.read(name)
    assert slips(name, document) == []
    broken = copy.deepcopy(document)
    SCHEMAS[name][1](broken)
    assert slips(name, broken)


@pytest.mark.parametrize("name", examples.serve_words())
def test_a_machine_takes_its_words(name: str) -> None:
    """As the entry point puts them together: options of serve, and of the guide's HSMs."""
    options = read(["serve", *examples.serve_words()[name]])
    assert set(options.esn) <= {testing.ESN, testing.OTHER_ESN}
    assert options.operator == "auto"


def asked(test: list[str]) -> list[str]:
    """Where a healthcheck asks."""
    assert test[:3] == ["python3", "-ISB", "/usr/bin/healthcheck"]
    return [word for word in test[3:] if word != "--ready"]


def test_a_healthcheck_asks_every_machine() -> None:
    """One port for each ESN, or the folder of the sockets; what waits for it asks for more than a
    sign of life.
    """
    sidecar = examples.pod()["initContainers"][0]
    start, alive = (
        sidecar[probe]["exec"]["command"] for probe in ("startupProbe", "livenessProbe")
    )
    test = examples.compose()["fleet"]["healthcheck"]["test"]
    for name, asks in (("compose.yaml", test[1:]), ("kubernetes-sidecar.yaml", start)):
        ports = [
            examples.FIRST_PORT + n for n in range(examples.serve_words()[name].count("--esn"))
        ]
        assert asked(asks) == [str(port) for port in ports]
        assert "--ready" in asks
    assert asked(alive) == asked(start)
    assert "--ready" not in alive
    sockets = examples.compose("compose-sockets.yaml")
    [folder] = asked(sockets["fleet"]["healthcheck"]["test"][1:])
    assert f"{folder}/" in sockets["fleet"]["command"]
    for service in ("keys", "client"):
        assert sockets[service]["environment"]["SEEMACHINE_FLEET"] == f"unix:{folder}"


def test_a_client_asks_where_the_machines_are() -> None:
    """Names and ports are those of the services, and who waits, waits until they are healthy."""
    client = examples.compose()["client"]
    assert client["environment"]["SEEMACHINE_FLEET"] == "fleet:8888,fleet:8889"
    assert client["depends_on"] == {"fleet": {"condition": "service_healthy"}}
    gitlab = examples.gitlab_jobs()["service"]
    [service] = gitlab["services"]
    assert gitlab["variables"]["SEEMACHINE_FLEET"] == "fleet:8888,fleet:8889"
    assert service["alias"] == "fleet"
    github = examples.github_jobs()["service"]["env"]["SEEMACHINE_FLEET"]
    assert github == "127.0.0.1:8888,127.0.0.1:8889"
    assert examples.github_service()["ports"] == ["8888:8888", "8889:8889"]
    [address] = examples.pod()["containers"][0]["env"]
    assert address["value"] == "127.0.0.1:8888,127.0.0.1:8889"


def test_the_images_are_those_that_a_user_builds() -> None:
    """None is fetched from elsewhere, and the page says how each is built."""
    named = [service["image"] for service in examples.compose().values()]
    named += [service["image"] for service in examples.compose("compose-sockets.yaml").values()]
    spec = examples.pod()
    named += [each["image"] for each in (*spec["initContainers"], *spec["containers"])]
    named.append(examples.devcontainer()["image"])
    assert set(named) == {examples.MACHINE, examples.CLIENT}
    page = (ROOT / "docs/how-to/containers.md").read_text()
    for image in set(named):
        assert f"docker build -f container/Containerfile -t {image} " in page
    for name in ("compose.yaml", "compose-sockets.yaml"):
        for service in examples.compose(name).values():
            build = service.get("build", {"dockerfile": "container/Containerfile"})
            assert (ROOT / build["dockerfile"]).exists()


def test_nothing_runs_as_root_or_writes_to_its_root() -> None:
    """But the editor's container, in which an editor installs itself."""
    for name in ("compose.yaml", "compose-sockets.yaml"):
        for service in examples.compose(name).values():
            assert (service["read_only"], service["cap_drop"], service["init"]) == (
                True,
                ["ALL"],
                True,
            )
    spec = examples.pod()
    assert spec["securityContext"]["runAsNonRoot"]
    for each in (*spec["initContainers"], *spec["containers"]):
        assert each["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_sidecar_is_one() -> None:
    """`restartPolicy: Always` among the init containers, which no other container may have, is what
    lets it have probes, and lets the job end; each volume that is mounted is there.
    """
    spec = examples.pod()
    [sidecar], [job] = spec["initContainers"], spec["containers"]
    assert sidecar["restartPolicy"] == "Always"
    assert "restartPolicy" not in job
    assert spec["restartPolicy"] == "Never"
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for each in (sidecar, job) for mount in each["volumeMounts"]} == volumes
    probe = sidecar["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 60


def test_the_development_container() -> None:
    """Properties of its specification with their types; what it starts is two commands."""
    document = examples.devcontainer()
    assert {name: type(value) for name, value in document.items()} == DEVCONTAINER
    assert [word.partition("=")[0] for word in document["mounts"][0].split(",")] == [
        "source",
        "target",
        "type",
    ]
    start, look = document["postStartCommand"].split(" && ")
    options = read(shlex.split(start)[1:])
    assert options.detach
    assert look == "pipsqueak"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Callable[[str, str], str]]:
    """Runs a line of a job, with two machines in place of the service, and gives what it prints."""
    path = examples.programs(tmp_path / "bin")
    with testing.fleet(machines=2) as fleet:
        addresses = ",".join(f"{at.host}:{at.port}" for at in (p.address for p in fleet.peers))

        def run(line: str, place: str) -> str:
            named = {"SEEMACHINE_FLEET": addresses} if place == "service" else {}
            return examples.run(line, tmp_path, {**fleet.env, **named, "PATH": path})

        yield run


def test_every_command_line_does_what_it_says(shell: Callable[[str, str], str]) -> None:
    """In the order of each job: what is installed, machines for a command, tests, and a service
    that is waited for, signs, and is asked what is left. Lines that several have are run once.
    """
    printed: dict[tuple[str, str], str] = {}
    for place in ("command", "tests", "service"):
        for jobs in (examples.github_jobs(), examples.gitlab_jobs()):
            for line in examples.lines(jobs[place]):
                same = (place, line.replace("python3 ", "python "))
                printed.setdefault(same, "")
                printed[same] = printed[same] or shell(line, place)
    assert {place for place, _ in printed} == FLEET_WORDS
    for (place, line), text in printed.items():
        if line.startswith("pip "):
            assert text == "install\nthe wheel\n" + ("pytest\n" if place == "tests" else "")
        if line.startswith("pytest "):
            assert "1 passed" in text
        if line.startswith(("python", "seemachine run")):
            assert text.startswith("sign.py is signed by leaf 0 of "), place
            assert text.endswith("; 1023 are left\n")
        if "showinfo" in line:
            assert "firmware" in text
    assert len(printed) == 8

"""`make containers`: both images under podman, as they are meant to be run, and as they are not."""

import json
from collections.abc import Iterator

import pytest
from container.podman import CLIENT, DATA, HARDENED, MACHINE, NETWORK, Podman, within
from container.session import ESN

OTHER_ESN = "5F08-02E0-D947"
# What a program of the client's image does with the machines of SEEMACHINE_FLEET.
SIGNING = """
import sys
from seeclient import blocking
with blocking.open_fleet() as fleet:
    if sys.argv[1] == "make":
        fleet.generate_lms("release", lms="sha256_m32_h5", lmots="sha256_n32_w8")
    key = fleet.key("release")
    made = key.sign_with(b"firmware")
    key.verify(b"firmware", made.signature)
    print(made.leaf, made.remaining)
"""


@pytest.fixture
def name(podman: Podman, request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a container that is gone afterwards."""
    chosen = f"machine{abs(hash(request.node.name)) % 10**6}"
    yield chosen
    podman.run("rm", "--force", "--time", "0", chosen)


def client(podman: Podman, fleet: str, *words: str, volume: str = "keys") -> str:
    """What a command of the client's image prints, with a volume for key files."""
    place = ("--network", NETWORK, "--env", f"SEEMACHINE_FLEET={fleet}")
    return podman("run", "--rm", *HARDENED, *place, "-v", f"{volume}:{DATA}", CLIENT, *words)


def test_two_images_sign_together(podman: Podman, name: str) -> None:
    """Ready in seconds; pipsqueak sees the machine by its name; a key of the client's volume signs
    after the machine was stopped, and after it was killed, with a new leaf each time.
    """
    state = ("-v", f"{name}:{DATA}", "--env", f"SEEMACHINE_ESN={ESN}")
    podman.start("--name", name, "--network", NETWORK, *state)
    seconds = within(10, lambda: podman.healthy(name))
    print(f"healthy after {seconds:.2f} s, as podman healthcheck sees it")
    assert ESN in client(podman, f"{name}:8888", "pipsqueak")
    leaves = [client(podman, f"{name}:8888", "python3", "-c", SIGNING, "make").split()[0]]
    for way in ("stop", "kill"):
        podman(way, name)
        assert podman.inspected(name)["ExitCode"] == (0 if way == "stop" else 137)
        podman("start", name)
        within(10, lambda: podman.healthy(name))
        leaves.append(client(podman, f"{name}:8888", "python3", "-c", SIGNING, "go on").split()[0])
    assert len(set(leaves)) == 3
    assert '"engine": "portable"' not in podman.log(name)


def test_a_stop_does_not_wait_for_the_runtime(podman: Podman, name: str) -> None:
    """SIGTERM ends process 1 in order, while it serves and from its first words on: podman never
    gets to its SIGKILL, which comes after ten seconds.
    """
    podman.start("--name", name, "--network", "none")
    within(10, lambda: podman.healthy(name))
    assert within(5, lambda: podman("stop", name) != "") < 2
    assert podman.inspected(name)["ExitCode"] == 0
    assert '"event": "stopped"' in podman.log(name)
    podman("start", name)
    within(5, lambda: podman.log(name).count("seemachine: Python") == 2)
    assert within(5, lambda: podman("stop", name) != "") < 2
    assert podman.inspected(name)["ExitCode"] == 0


def test_with_an_init_no_signal_is_lost(podman: Podman, name: str) -> None:
    """The kernel drops a SIGTERM that process 1 has not asked for yet; where an init is process 1,
    a container that has just begun ends as well.
    """
    podman("create", "--init", "--name", name, *HARDENED, "--network", "none", MACHINE)
    podman("start", name)
    assert within(5, lambda: podman("stop", name) != "") < 2


def test_the_healthcheck_while_the_machine_starts(podman: Podman, name: str) -> None:
    """It fails before the port is open, with a line, and in the start period that does not make the
    container unhealthy.
    """
    wait = "import time; time.sleep(60)"
    podman.start("--name", name, "--network", "none", "--entrypoint", "python3", given=("-c", wait))
    done = podman.run("exec", name, "/usr/bin/healthcheck")
    assert (done.returncode, done.stdout) == (1, "")
    assert "healthcheck: [Errno 111] Connection refused" in done.stderr
    assert not podman.healthy(name)
    assert podman.inspected(name)["Health"]["Status"] == "starting"


@pytest.mark.parametrize("user", ["1000690000", "1000690000:0"])
def test_any_user_will_do(podman: Podman, name: str, user: str) -> None:
    """One that no file knows, as OpenShift picks it, with the group root: the machine is ready, and
    what it makes is closed to that group.
    """
    podman.start("--name", name, "--network", "none", "--user", user)
    within(10, lambda: podman.healthy(name))
    assert podman("exec", name, "/usr/bin/healthcheck", "--ready") == "C0DE-5AFE-0005"
    mode = "import os; print(oct(os.stat(os.environ['SEEMACHINE_HOME']).st_mode & 0o7777))"
    assert podman("exec", name, "python3", "-c", mode) == "0o700"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--user", "1000690000:1000690000"),
            "can't be written by user 1000690000 of group 1000690000: [Errno 13]",
        ),
        (("-v", f"readonly:{DATA}:ro"), "[Errno 30] Read-only file system"),
    ],
)
def test_a_folder_that_cannot_be_written_is_told(
    podman: Podman, name: str, words: tuple[str, ...], said: str
) -> None:
    """The container ends with 1 and says what it can't write, and why."""
    done = podman.run("run", "--name", name, *HARDENED, "--network", "none", *words, MACHINE)
    assert done.returncode == 1
    assert f"the data folder {DATA}/world can't be written by user" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_two_containers_on_one_volume(podman: Podman, name: str) -> None:
    """The second is refused, whatever its process numbers are; the first goes on."""
    state = ("-v", f"{name}:{DATA}", "--network", "none", "--env", f"SEEMACHINE_ESN={ESN}")
    podman.start("--name", name, *state)
    within(10, lambda: podman.healthy(name))
    done = podman.run("run", "--rm", *HARDENED, *state, MACHINE)
    assert done.returncode == 1
    assert f"{ESN} is already in use by process 1 of another PID namespace" in done.stderr
    assert podman.healthy(name)


def test_two_machines_in_one_container(podman: Podman, name: str) -> None:
    """Ports count up, the healthcheck asks both, and the client finds both."""
    both = ("--esn", ESN, "--esn", OTHER_ESN)
    podman.start("--name", name, "--network", NETWORK, given=both)
    within(10, lambda: podman.healthy(name))
    checked = podman("exec", name, "/usr/bin/healthcheck", "8888", "8889")
    assert checked.split() == [ESN, OTHER_ESN]
    banner = client(podman, f"{name}:8888,{name}:8889", "pipsqueak")
    assert ESN in banner
    assert OTHER_ESN in banner


def test_cards_are_handled_inside(podman: Podman, name: str) -> None:
    """`entrypoint card` works on the machine's own folder, beside the running machine, and a
    sectorized key is provisioned from the client's container.
    """
    podman.start("--name", name, "--network", NETWORK, "--env", f"SEEMACHINE_ESN={ESN}")
    within(10, lambda: podman.healthy(name))
    card = podman("exec", name, "/usr/bin/entrypoint", "card", "new")
    podman("exec", name, "/usr/bin/entrypoint", "card", "insert", card, "--esn", ESN, "--slot", "2")
    words = (
        "pipsqueak generate alias=sectors algorithm=lms lmscode=sha256_m32_h5"
        " lmotscode=sha256_n32_w8 explease=3 slot=2"
    )
    client(podman, f"{name}:8888", *words.split(), volume=f"{name}keys")
    shown = client(podman, f"{name}:8888", "pipsqueak", "list", volume=f"{name}keys")
    assert "sectors" in shown


def test_what_a_library_needs_is_in_the_client(podman: Podman) -> None:
    """The PKCS #11 module loads, and its helper runs by the image's Python; nothing of the network
    is needed to import, to load, or to be refused.
    """
    code = (
        "import ctypes, json; from seemachine.lms import engines;"
        "module = ctypes.CDLL('/usr/lib/seemachine/seeclient/library/seemachine-pkcs11.so');"
        "print(json.dumps([engines.select().name, module.C_Initialize(None)]))"
    )
    printed = podman("run", "--rm", "--network", "none", CLIENT, "python3", "-c", code)
    assert json.loads(printed) == ["native", 0]

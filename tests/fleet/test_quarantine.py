"""`seemachine quarantine`: worlds that were copied and put back, and the two ways out."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.here import store
from kit.images import as_from_an_image
from kit.in_process import Machine, Shell
from kit.processes import Ran, environment
from seeclient.effects import Ask

from seemachine.cli.command import main
from seemachine.fleet import deciding
from seemachine.wire.messages import ContinueLms, GenerateLms
from seemachine.wire.status import StatusError

ESN = "0000-0000-0001"
KEY = ["algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2"]


class QuarantineShell(Shell):
    """A world of one machine, and the commands on it."""

    def __init__(self, home: Path, start: Callable[[Path], Machine]) -> None:
        super().__init__(home)
        self._start = start

    def up(self) -> "QuarantineShell":
        self.machine = self._start(self.home)
        return self

    def down(self) -> "QuarantineShell":
        self.machine.stop()
        return self

    def quarantine(self, *words: str) -> Ran:
        return self.seemachine("quarantine", *words)

    def listed(self) -> list[dict[str, Any]]:
        """What is in quarantine."""
        lines = self.quarantine("list", "--json")[1]
        found: list[dict[str, Any]] = json.loads("\n".join(lines[lines.index("{") :]))["quarantine"]
        return found

    def sign(self, message: str) -> int | str:
        """The leaf that signed it, or the refusal."""
        with self.fleet() as fleet:
            try:
                return fleet.key("test").sign_with(message.encode()).leaf
            except StatusError as refused:
                return refused.detail

    def copied(self, name: str) -> "QuarantineShell":
        """A copy of it as it is, as an administrator would make it. Not up."""
        home = self.home.with_name(name)
        subprocess.run(["cp", "-a", self.home, home], check=True)
        return QuarantineShell(home, self._start)

    def half_made(self, label: str) -> None:
        """Begin a key, and leave it."""
        with self.fleet() as fleet:
            fleet.run(_begin(fleet.roster.peers[0], label))


def _begin(peer: Any, label: str) -> Any:
    started = yield Ask(
        peer, GenerateLms(lms=10, lmots=6, expcards=0, explease=0, expchunk=2, label=label)
    )
    yield Ask(peer, ContinueLms(handle=started.handle))


@pytest.fixture
def start() -> Iterator[Callable[[Path], Machine]]:
    """Starts machines, and stops them at the end."""
    running: list[Machine] = []

    def one(home: Path) -> Machine:
        running.append(Machine(home, ESN))
        return running[-1]

    yield one
    for machine in running:
        machine.stop()


@pytest.fixture
def world(tmp_path: Path, start: Callable[[Path], Machine]) -> QuarantineShell:
    """A machine that is up, with a key of which two leaves are used."""
    made = QuarantineShell(tmp_path / "world", start)
    made.home.mkdir()
    made.up()
    assert made.pipsqueak("generate", "alias=test", *KEY)[0] == 0
    assert [made.sign(message) for message in ("a", "b")] == [0, 1]
    return made


def test_nothing_is_in_quarantine(world: QuarantineShell) -> None:
    """A machine that starts again where it was has nothing in quarantine, says so, and goes on."""
    world.down().up()

    assert world.quarantine("list") == (0, ["nothing is in quarantine"])
    document = json.loads("\n".join(world.quarantine("list", "--json")[1]))
    assert {"quarantine": [], "unreachable": [], "alarms": []}.items() <= document.items()
    assert world.sign("c") == 2


@pytest.mark.parametrize("running", [True, False])
def test_a_copied_world(world: QuarantineShell, running: bool) -> None:
    """A copy, made while the machine ran or not, signs nothing and says why, while the original
    goes on; skipped, no leaf is used twice.
    """
    if not running:
        world.down()
    copy = world.copied("copy").up()
    if not running:
        world.up()
    name = world.home / "kmdata" / "local" / "key_pqsdk_test"
    file = "6c6d73" + json.loads(name.read_bytes().partition(b"\n")[0])["public_key"][48:64]

    refused = copy.sign("c")
    [suspect] = copy.listed()
    code, lines = copy.quarantine("list")
    assert isinstance(refused, str)
    assert "is in quarantine; see: seemachine quarantine explain" in refused
    assert "seemachine quarantine explain" in refused
    assert {**suspect, "name": suspect["name"].replace(":", "")} == {
        "esn": ESN,
        "name": file,
        "kind": "file",
        "alias": "test",
        "first": 0,
        "next": 2,
        "end": 32,
        "reason": (
            "its folder is not the one that it was in: this is a copy, or was put back from one"
        ),
    }
    assert (code, len(lines)) == (1, 1)
    assert lines[0].split()[:9] == [
        ESN,
        suspect["name"],
        "test",
        "leaf",
        "2",
        "of",
        "leaves",
        "0",
        "to",
    ]

    assert [world.sign(message) for message in ("c", "d")] == [2, 3]
    assert copy.quarantine("skip", suspect["name"], "--esn", ESN, "--to", "10") == (
        0,
        [f"{suspect['name']} of {ESN} resumes at leaf 10; 22 leaves are left"],
    )
    assert (copy.listed(), [copy.sign(message) for message in ("e", "f")]) == ([], [10, 11])
    copy.down().up()
    assert (copy.listed(), copy.sign("g")) == ([], 12)
    assert (world.listed(), world.sign("h")) == ([], 4)


def test_a_machine_folder_that_was_put_back(world: QuarantineShell) -> None:
    """hsm/<ESN> from a backup is noticed by the count of its openings; only leaves behind all that
    the witness saw can be gone on at.
    """
    world.down()
    kept = world.home.with_name("backup")
    subprocess.run(["cp", "-a", world.home / "hsm" / ESN, kept], check=True)
    world.up()
    assert [world.sign(message) for message in ("c", "d", "e")] == [2, 3, 4]
    world.down()
    shutil.rmtree(world.home / "hsm" / ESN)
    subprocess.run(["cp", "-a", kept, world.home / "hsm" / ESN], check=True)
    world.up()

    [suspect] = world.listed()
    assert "opened 2 times as its witness knows, but this one counts 1" in suspect["reason"]
    for leaf in ("2", "3", "4", "33"):
        code, lines = world.quarantine("skip", "test", "--esn", ESN, "--to", leaf)
        assert code == 1, lines
        assert len(lines) == 1
    # What no key can go on at is wrong usage.
    for leaf in ("-1", "0", "4294967296"):
        assert world.quarantine("skip", "test", "--esn", ESN, "--to", leaf)[0] == 2
    assert len(world.listed()) == 1
    assert world.quarantine("skip", "test", "--esn", ESN, "--to", "5") == (
        0,
        [f"test of {ESN} resumes at leaf 5; 27 leaves are left"],
    )
    assert world.sign("f") == 5


def test_a_lost_witness(world: QuarantineShell) -> None:
    """Without its witness a machine does not know whether it is a copy; burned, its leaves are gone
    for good.
    """
    world.down()
    shutil.rmtree(world.home / "witness")
    world.up()

    [suspect] = world.listed()
    assert (
        suspect["reason"]
        == "its witness has never seen it: it was copied or put back, or the witness was lost"
    )
    assert world.quarantine("burn", "test", "--esn", ESN) == (
        0,
        [f"test of {ESN} is gone, with 30 leaves"],
    )
    assert world.quarantine("list") == (0, ["nothing is in quarantine"])
    assert "no HSMs with NVRAM" in str(world.sign("c"))
    world.down().up()
    assert (world.listed(), world.quarantine("burn", "test", "--esn", ESN)[0]) == ([], 1)


def test_skipping_to_the_end(world: QuarantineShell) -> None:
    """To go on behind the last leaf is to have none left."""
    copy = world.copied("copy").up()

    assert copy.quarantine("skip", "test", "--esn", ESN, "--to", "32") == (
        0,
        [f"test of {ESN} resumes at leaf 32; 0 leaves are left"],
    )
    assert copy.listed() == []
    assert "no HSMs with NVRAM" in str(copy.sign("c"))


def test_what_is_listed_is_called_by_its_alias(world: QuarantineShell) -> None:
    """Where this host has the key file; its leaves are counted as everywhere, from the first to the
    last.
    """
    copy = world.copied("copy").up()
    code, [line] = copy.quarantine("list")

    assert code == 1
    assert line.split()[2] == "test"
    assert " leaf 2 of leaves 0 to 31 " in line
    assert copy.listed()[0]["alias"] == "test"
    for path in copy.home.glob("kmdata/local/key_*"):
        path.unlink()
    assert copy.quarantine("list")[1][0].split()[2] == "-"
    assert copy.listed()[0]["alias"] is None


def test_leaves_in_quarantine_do_not_remain(world: QuarantineShell) -> None:
    """Showinfo counts what can be used, and says what can't."""
    copy = world.copied("copy").up()
    code, lines = copy.pipsqueak("showinfo", "alias=test")

    assert code == 0
    assert "  Remaining: 0 signatures" in lines
    assert lines[-1].endswith(
        f"AccessDenied(5): 30 leaves of test are in quarantine on {ESN}; see: seemachine quarantine"
        " explain"
    )
    assert "  Remaining: 30 signatures" in world.pipsqueak("showinfo", "alias=test")[1]


def test_a_machine_that_can_not_be_asked_is_named(world: QuarantineShell) -> None:
    """Nothing in quarantine is said of those that answered, and of nobody else."""
    gone = {
        "esn": "0000-0000-0002",
        "model": "xc",
        "module": 2,
        "host": "127.0.0.1",
        "port": 1,
        "pid": 1,
    }
    (world.home / "published/pqsdk/0000-0000-0002.json").write_text(json.dumps(gone))

    code, lines = world.quarantine("list")
    assert (code, lines[-1]) == (1, f"nothing on {ESN}; 0000-0000-0002 did not answer")


def test_explain(world: QuarantineShell) -> None:
    """The list, what can have happened, and both commands."""
    copy = world.copied("copy").up()
    code, lines = copy.quarantine("explain")

    assert code == 1
    assert lines[0] == copy.quarantine("list")[1][0]
    assert any(
        line.strip().startswith("seemachine quarantine burn NAME --esn ESN") for line in lines
    )
    assert any(
        line.strip().startswith("seemachine quarantine skip NAME --esn ESN --to LEAF")
        for line in lines
    )
    assert (world.quarantine("explain")[0], world.quarantine("explain")[1][0]) == (
        0,
        "nothing is in quarantine",
    )


REFUSED = (
    (["burn", "nonsense", "--esn", ESN], "nonsense is neither an NVRAM file"),
    (["burn", "test", "--esn", ESN], f"is in quarantine on {ESN}"),
    (["skip", "test", "--esn", ESN, "--to", "9"], "is in quarantine on"),
    (
        ["burn", "6c6d7358:c3cfb474:a36461", "--esn", ESN],
        "no NVRAM file 6c6d7358:c3cfb474:a36461 is in quarantine on",
    ),
    (["burn", "6c6d7358", "--esn", ESN], "is neither an NVRAM file"),
    (["burn", "test", "--esn", "9999-9999-9999"], "no HSM 9999-9999-9999 is reachable"),
    (["burn", "one.1", "--esn", ESN], "one.1"),
    (["burn", "../world.key", "--esn", ESN], "../world.key"),
)


def test_what_is_refused(world: QuarantineShell) -> None:
    """Unknown names and machines, and files that are in order, are refused in one line, and nothing
    changes.
    """
    for words, sentence in REFUSED:
        code, lines = world.quarantine(*words)

        assert (code, len(lines)) == (1, 1), lines
        assert sentence in lines[0]
        assert " in quarantine_" not in lines[0]
    assert world.sign("c") == 2


def test_an_alias_may_look_like_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is hexadecimal and no name of an NVRAM file is looked for among this host's keys."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path))
    folder = store().path_of("beef").parent
    folder.mkdir(parents=True)
    store().path_of("beef").write_bytes(b"damaged")

    with pytest.raises(StatusError, match="key_pqsdk_beef is damaged"):
        deciding.file_named(store(), "beef")
    printed = "6c6d7358:c3cfb474:a36461"
    assert deciding.file_named(store(), printed) == bytes.fromhex(printed.replace(":", ""))


WRONG: tuple[list[str], ...] = (
    [],
    ["burn"],
    ["burn", "test"],
    ["skip", "test", "--esn", ESN],
    ["skip", "test", "--esn", ESN, "--to", "x"],
)


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It is told apart from a refusal."""
    with pytest.raises(SystemExit) as ended:
        main(["quarantine", *words])
    assert ended.value.code == 2
    assert "usage: seemachine quarantine" in capsys.readouterr().err


def test_another_home(world: QuarantineShell, tmp_path: Path) -> None:
    """--home goes before the environment."""
    copy = world.copied("copy").up()
    copy.env = environment(tmp_path / "elsewhere")

    assert copy.quarantine("list") == (
        1,
        ["seemachine quarantine list: no machine is up; start some with: seemachine fleet up"],
    )
    assert copy.quarantine("list", "--home", str(copy.home))[0] == 1
    assert copy.quarantine("burn", "test", "--esn", ESN, "--home", str(copy.home))[0] == 0
    assert copy.quarantine("list", "--home", str(copy.home)) == (0, ["nothing is in quarantine"])


def test_a_machine_that_is_down(world: QuarantineShell) -> None:
    """Who can't be asked is no reason to call all well: exit code 1, and what is the matter, with
    and without a stale object.
    """
    world.machine.stop(withdrawn=False)
    code, lines = world.quarantine("list")
    assert code == 1
    assert (
        lines[-1]
        == "seemachine quarantine list: no machine is up; start some with: seemachine fleet up"
    )
    assert "Connection refused" in lines[0]
    document = world.quarantine("list", "--json")[1]
    assert (
        "Connection refused"
        in json.loads("\n".join(document[document.index("{") :]))["unreachable"][0]
    )
    code, lines = world.quarantine("burn", "test", "--esn", ESN)
    assert code == 1
    assert f"no HSM {ESN} is reachable" in lines[-1]

    world.up().down()
    assert world.quarantine("list") == (
        1,
        ["seemachine quarantine list: no machine is up; start some with: seemachine fleet up"],
    )


# ---------------------------------------------------------------- alarms of a client's memory


REFUSAL = (
    "; the signature is not released. What to do: seemachine quarantine explain; what was seen"
    " is in "
)


def test_a_copy_that_this_host_refuses(world: QuarantineShell) -> None:
    """An alarm stops signing and not the operator; skipped and accepted, the copy signs on, and now
    the original is refused.
    """
    copy = world.copied("copy").up()
    copy.env["SEEMACHINE_SEEN"] = str(world.home / "seen")
    world.env["SEEMACHINE_SEEN"] = str(world.home / "seen")
    world.down().up()
    assert world.sign("c") == 2

    code, lines = copy.pipsqueak("alias=test", "message=d")
    alarm = next(line for line in lines if REFUSAL in line)
    assert (code, f"two machines say that they are {ESN}" in alarm) == (1, True)
    code, lines = copy.quarantine("explain")
    assert (
        code,
        REFUSAL in lines[0],
        any("seemachine quarantine accept --esn ESN" in line for line in lines),
    ) == (1, True, True)
    [suspect] = copy.listed()
    assert copy.quarantine("accept", "--esn", ESN)[1][1:] == [
        f"seemachine quarantine accept: {suspect['name']} of {ESN} is in quarantine; burn it, or"
        " skip, first"
    ]
    assert copy.quarantine("skip", "test", "--esn", ESN, "--to", "10")[0] == 0
    assert copy.pipsqueak("alias=test", "message=d")[0] == 1

    assert copy.quarantine("accept", "--esn", ESN)[0] == 0
    assert copy.quarantine("list") == (0, ["nothing is in quarantine"])
    assert [copy.sign(message) for message in ("d", "e")] == [10, 11]
    assert world.pipsqueak("alias=test", "message=f")[0] == 1


def test_a_machine_that_was_put_back_with_its_witness(world: QuarantineShell) -> None:
    """By an image of the disk: it notices nothing, the host does; accepted only once it stands
    after what was seen.
    """
    kept = [world.home / "hsm" / ESN, world.home / "witness"]
    world.down()
    before = {
        path: path.read_bytes() for folder in kept for path in folder.rglob("*") if path.is_file()
    }
    world.up().down().up()
    assert [world.sign(message) for message in ("c", "d", "e")] == [2, 3, 4]
    world.down()
    for path, data in before.items():
        path.write_bytes(data)
    as_from_an_image(world.home)
    world.up()

    document = world.quarantine("list", "--json")
    assert document[0] == 1
    assert (world.listed(), REFUSAL in document[1][0]) == ([], True)
    assert world.quarantine("burn", "test", "--esn", ESN)[0] == 1
    assert (
        "stands at leaf 2, but its leaf 4 was seen here; see: "
        in world.quarantine("accept", "--esn", ESN)[1][-1]
    )
    assert world.pipsqueak("alias=test", "message=f")[0] == 1

    world.down()
    (world.home / "witness" / f"{ESN}.record").unlink()
    world.up()
    assert [suspect["next"] for suspect in world.listed()] == [2]
    assert world.quarantine("skip", "test", "--esn", ESN, "--to", "5")[0] == 0
    assert world.pipsqueak("alias=test", "message=f")[0] == 1
    assert (
        world.quarantine("accept", "--esn", ESN)[1][-1]
        == f"{ESN} is remembered as it is now; the leaves that this host saw stay remembered"
    )
    assert world.quarantine("list") == (0, ["nothing is in quarantine"])
    assert world.sign("f") == 5


def test_half_made_keys_of_a_copy(world: QuarantineShell) -> None:
    """They are destroyed in the copy and listed until they are acknowledged; the original goes on
    with its own.
    """
    world.half_made("one")
    world.half_made("two")
    copy = world.copied("copy").up()

    assert [(each["name"], each["kind"], "first" in each) for each in copy.listed()[1:]] == [
        ("one.1", "half-made key", False),
        ("two.1", "half-made key", False),
    ]
    assert list((copy.home / "hsm" / ESN / "making").glob("*.*")) == []
    assert copy.pipsqueak("generate", "alias=one", "resume=yes")[0] == 1
    assert copy.quarantine("skip", "one.1", "--esn", ESN, "--to", "9")[0] == 1
    assert copy.quarantine("burn", "one.1", "--esn", ESN) == (0, [f"one.1 of {ESN} is gone"])
    assert [each["name"] for each in copy.listed()[1:]] == ["two.1"]
    assert copy.pipsqueak("generate", "alias=one", *KEY)[0] == 0

    assert world.listed() == []
    assert world.pipsqueak("generate", "alias=one", "resume=yes")[0] == 0


def test_a_half_made_key_that_was_put_back(world: QuarantineShell) -> None:
    """The file alone, put back beside an NVRAM that is in order, is refused by all but replace=yes,
    which makes another key.
    """
    world.half_made("one")
    head = world.home / "hsm" / ESN / "making" / "one.key"
    subprocess.run(["cp", "-a", head, world.home.with_name("kept")], check=True)
    head.unlink()
    subprocess.run(["cp", "-a", world.home.with_name("kept"), head], check=True)

    world.down().up()
    assert world.listed() == []
    for words in (["resume=yes"], KEY):
        code, lines = world.pipsqueak("generate", "alias=one", *words)
        assert code == 1
        assert any(
            "half-made key one is a copy or was restored from a backup" in line for line in lines
        ), lines
    assert world.pipsqueak("generate", "alias=one", *KEY, "replace=yes")[0] == 0
    assert world.pipsqueak("alias=one", "message=a")[0] == 0

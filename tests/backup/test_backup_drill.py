"""The drill of docs/how-to/backup.md, and the commands around it, with real processes."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.processes import Ran, environment, machines, pipsqueak, seemachine
from kit.stores import ESN, OTHER_ESN

FLEET = f"""
[[machines]]
esn = "{ESN}"
model = "5c"
port = 0

[[machines]]
esn = "{OTHER_ESN}"
model = "xc"
port = 0
"""
KEY = [
    "generate",
    "alias=firmware",
    "algorithm=lms",
    "lmscode=sha256_m32_h5",
    "lmotscode=sha256_n32_w8",
    "expcards=0",
    "explease=2",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a world with the guide's fleet."""
    world = tmp_path / "world"
    world.mkdir()
    (world / "fleet.toml").write_text(FLEET)
    return world


@pytest.fixture
def ran(home: Path) -> Iterator[Callable[..., list[str]]]:
    """Runs a command, which must end with 0, or another code, and returns its lines.

    The fleet is down in the end.
    """
    env = environment(home)

    def run(line: str, code: int = 0) -> list[str]:
        words = line.split()
        done: Ran = (
            pipsqueak(words[1:], env) if words[0] == "pipsqueak" else seemachine(words[1:], env)
        )
        assert done[0] == code, (line, *done[1])
        return done[1]

    yield run
    seemachine(["fleet", "down"], env)


def test_a_disaster_rehearsed(home: Path, ran: Callable[..., list[str]], tmp_path: Path) -> None:
    """A machine is lost; backup and card bring its key back into service, without a leaf of the
    lost lease.

    Audit finds nothing.
    """
    backup = tmp_path / "monday.tar"
    ran("seemachine fleet up --detach")
    ran("seemachine card new")
    ran(f"seemachine card insert card1 --esn {ESN} --slot 2")
    ran("pipsqueak " + " ".join(KEY))
    ran(f"pipsqueak provesn={ESN} slot=2")
    ran("pipsqueak alias=firmware message=one")
    ran(f"seemachine card remove --esn {ESN} --slot 2")
    made = ran(f"seemachine backup {backup} --take-card card1")
    assert "card1 moved into the backup; only seemachine restore brings it back, once" in made
    assert ran("seemachine card list") == [
        f"seemachine card: no cards in {home}; make some with: seemachine card new"
    ]
    ran("pipsqueak alias=firmware message=two")
    assert "stop it first with: seemachine fleet down" in ran(f"seemachine restore {backup}", 1)[0]
    ran("seemachine fleet down")

    shutil.rmtree(home / "hsm" / ESN)
    (home / "kmdata/local/key_pqsdk_firmware").unlink()
    lines = ran(f"seemachine restore {backup}")
    assert any(f"{ESN}: leaves 1 to 7 of firmware" in line for line in lines)
    assert "card card1: back on the rack with 3 leases" in lines
    again = json.loads("\n".join(ran(f"seemachine restore {backup} --json", 1)))
    assert [step["name"] for step in again["steps"] if step["refused"]] == ["card1"]

    ran("seemachine fleet up --detach")
    ran(f"seemachine card insert card1 --esn {ESN} --slot 2")
    ran(f"pipsqueak provesn={ESN} slot=2")
    assert ran("pipsqueak alias=firmware message=three")[-1].endswith("true")
    verdict = ran(f"seemachine audit --fleet {home / 'archive'}")
    assert verdict[-1].startswith("clean:")
    [row] = [json.loads(line) for line in ran("seemachine ledger --json-lines")]
    assert row["leaf"] == 8


def test_machines_that_can_not_be_asked(home: Path, tmp_path: Path) -> None:
    """Each machine with an NVRAM is asked, or left out by name; a file that is there is not written
    over.
    """
    env, backup = environment(home), tmp_path / "b.tar"
    with machines(home, (ESN,), (OTHER_ESN, "--store", "file")) as running:
        running[1].stop()
        code, lines = seemachine(["backup", str(backup)], env)
        assert (code, f"--without {OTHER_ESN}" in lines[0]) == (1, True)
        assert not backup.exists()
        code, lines = seemachine(["backup", str(backup), "--without", OTHER_ESN, "--json"], env)
        assert code == 0
        told = json.loads("\n".join(lines))
        assert ([machine["esn"] for machine in told["machines"]], told["without"]) == (
            [ESN],
            [OTHER_ESN],
        )
        code, lines = seemachine(["backup", str(backup), "--without", OTHER_ESN], env)
        assert (code, "another name" in lines[0]) == (1, True)
        code, lines = seemachine(
            ["backup", str(tmp_path / "c.tar"), "--without", "0000-0000-0000"], env
        )
        assert (code, "there is no machine" in lines[0]) == (1, True)
        code, lines = seemachine(["backup", str(tmp_path / "no" / "c.tar")], env)
        assert (code, "make it first" in lines[0]) == (1, True)
        assert seemachine(["backup", str(tmp_path / "c.tar"), "--take-card", "card7"], env)[0] == 1


def test_who_can_not_be_asked_is_started_as_it_is_meant_to_be(home: Path, tmp_path: Path) -> None:
    """Machines of the fleet by `fleet up`, others by `serve`; all of them are in the words that
    leave them out.
    """
    other = "2222-2222-2222"
    for esn in (ESN, other):
        (home / "hsm" / esn / "nvram").mkdir(parents=True)
    code, lines = seemachine(["backup", str(tmp_path / "b.tar")], environment(home))
    way = (
        f"start with: seemachine fleet up, seemachine serve --esn {other}; or leave out with:"
        f" --without {other} --without {ESN}"
    )
    assert (code, lines[0].partition("; ")[2]) == (1, way)


@pytest.mark.parametrize("place", ["missing", "empty", "file"])
def test_where_no_world_is_there_is_no_backup(tmp_path: Path, place: str) -> None:
    """A typing error in the name of a world is not an empty backup."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    backup = tmp_path / "b.tar"
    done = seemachine(
        ["backup", str(backup), "--home", str(tmp_path / place)], environment(tmp_path / "else")
    )
    assert done == (1, [f"seemachine backup: there is no world in {tmp_path / place}"])
    assert not backup.exists()


def test_what_is_no_backup(home: Path, tmp_path: Path) -> None:
    """One sentence and exit code 1."""
    (tmp_path / "text").write_text("no backup")
    for path in (tmp_path / "text", tmp_path / "missing", tmp_path):
        code, lines = seemachine(["restore", str(path)], environment(home))
        assert (code, len(lines)) == (1, 1)

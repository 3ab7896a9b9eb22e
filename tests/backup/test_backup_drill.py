"""The drill of docs/how-to/backup.md, with real processes."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.processes import Ran, environment, pipsqueak, seemachine
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
        f"seemachine card list: no cards in {home}; make some with: seemachine card new"
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

"""`seemachine backup` and `seemachine restore`: what is refused, and who is asked."""

import json
from pathlib import Path

import pytest
from kit.in_process import Shell, machines
from kit.stores import ESN, OTHER_ESN

FLEET = f'[[machines]]\nesn = "{ESN}"\n[[machines]]\nesn = "{OTHER_ESN}"\nmodel = "xc"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a world with the guide's fleet."""
    world = tmp_path / "world"
    world.mkdir()
    (world / "fleet.toml").write_text(FLEET)
    return world


def test_machines_that_can_not_be_asked(home: Path, tmp_path: Path) -> None:
    """Each machine with an NVRAM is asked, or left out by name; a file that is there is not written
    over.
    """
    shell, backup = Shell(home), tmp_path / "b.tar"
    with machines(home, ESN, (OTHER_ESN, {"store": "file"})) as running:
        running[1].stop()
        code, lines = shell.seemachine("backup", str(backup))
        assert (code, f"--without {OTHER_ESN}" in lines[0]) == (1, True)
        assert not backup.exists()
        code, lines = shell.seemachine("backup", str(backup), "--without", OTHER_ESN, "--json")
        assert code == 0
        told = json.loads("\n".join(lines))
        assert ([machine["esn"] for machine in told["machines"]], told["without"]) == (
            [ESN],
            [OTHER_ESN],
        )
        code, lines = shell.seemachine("backup", str(backup), "--without", OTHER_ESN)
        assert (code, "another name" in lines[0]) == (1, True)
        code, lines = shell.seemachine(
            "backup", str(tmp_path / "c.tar"), "--without", "0000-0000-0000"
        )
        assert (code, "there is no machine" in lines[0]) == (1, True)
        code, lines = shell.seemachine("backup", str(tmp_path / "no" / "c.tar"))
        assert (code, "make it first" in lines[0]) == (1, True)
        assert shell.seemachine("backup", str(tmp_path / "c.tar"), "--take-card", "card7")[0] == 1


def test_who_can_not_be_asked_is_started_as_it_is_meant_to_be(home: Path, tmp_path: Path) -> None:
    """Machines of the fleet by `fleet up`, others by `serve`; all of them are in the words that
    leave them out.
    """
    other = "2222-2222-2222"
    for esn in (ESN, other):
        (home / "hsm" / esn / "nvram").mkdir(parents=True)
    code, lines = Shell(home).seemachine("backup", str(tmp_path / "b.tar"))
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
    done = Shell(tmp_path / "else").seemachine(
        "backup", str(backup), "--home", str(tmp_path / place)
    )
    assert done == (1, [f"seemachine backup: there is no world in {tmp_path / place}"])
    assert not backup.exists()


def test_what_is_no_backup(home: Path, tmp_path: Path) -> None:
    """One sentence and exit code 1."""
    (tmp_path / "text").write_text("no backup")
    for path in (tmp_path / "text", tmp_path / "missing", tmp_path):
        code, lines = Shell(home).seemachine("restore", str(path))
        assert (code, len(lines)) == (1, 1)

"""Two worlds in one process never meet: every part acts on the world that it is given, whatever
the environment says.
"""

import io
import sys
from pathlib import Path

import pytest
from kit.in_process import as_a_command_has_it, machines
from kit.processes import environment
from seeclient import Status, StatusError, blocking

from seemachine.cli import main
from seemachine.world import World

ESN = "0000-0000-0001"
SETS = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w4"}
FLEET = f'[[machines]]\nesn = "{ESN}"\nport = 0\n'
COMMANDS = [
    ["card", "new", "--count", "2"],
    ["card", "list"],
    ["fleet", "status"],
    ["fleet", "check"],
    ["quarantine", "list"],
    ["ledger"],
    ["audit", "--fleet"],
    ["backup", "{}/backup.tar"],
    ["pki", "init"],
    ["pki", "issue", "client", "alice", "--role", "use"],
    ["pki", "issue", "machine", ESN],
    ["nfast", "path"],
    ["nfast", "release", "{}/release.zip"],
    ["info"],
]


@pytest.fixture
def folders(tmp_path):
    """Two worlds with a machine each, of one ESN; the environment names a third."""
    one, other = tmp_path / "one", tmp_path / "other"
    with (
        machines(one, ESN),
        machines(other, ESN),
        as_a_command_has_it(environment(tmp_path / "elsewhere")),
    ):
        for folder in (one, other):
            (folder / "fleet.toml").write_text(FLEET)
        yield one, other


def content(folder: Path) -> dict[str, bytes]:
    """All files of a world but those that its machine writes by itself."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parts[len(folder.parts)] not in ("hsm", "witness", "log")
    }


def test_clients_of_two_worlds(folders):
    """Machines, keys, leaves and memory of a world are its own, with the same names in both."""
    with (
        blocking.open_fleet(world=folders[0]) as first,
        blocking.open_fleet(world=World.at(folders[1])) as second,
    ):
        key = first.generate_lms("release", **SETS)
        with pytest.raises(StatusError) as refused:
            second.key("release")
        assert refused.value.status is Status.UnknownID
        other = second.generate_lms("release", **SETS)
        assert [key.sign_with(b"one").leaf for _ in range(3)] == [0, 1, 2]

        assert other.sign_with(b"one").leaf == 0
        assert key.file.public_key != other.file.public_key
        assert (key.info().remaining, other.info().remaining) == (29, 31)
    for folder in folders:
        assert {path.name for path in (folder / "seen").iterdir()} >= {ESN}
    assert not folders[0].with_name("elsewhere").exists()


def test_a_fleet_file_names_its_world(folders):
    """Who opens the fleet file of a world gets the machines, keys and memory of that world, though
    $SEEMACHINE_HOME names another.
    """
    with blocking.open_fleet(world=folders[1]) as fleet:
        made = fleet.generate_lms("release", **SETS)
    with blocking.open_fleet(folders[1] / "fleet.toml") as fleet:
        assert fleet.key("release").file == made.file
        assert fleet.key("release").sign_with(b"one").leaf == 0
        assert fleet.environment.world == World.at(folders[1])
    assert not (folders[0] / "seen").exists()


def test_a_command_changes_the_world_that_it_is_given(folders, capsys, monkeypatch):
    """Nothing of the other world changes, and nothing is made in the world of the environment."""
    one, other = folders
    before = content(other)
    monkeypatch.setattr(sys, "stdin", io.StringIO("passphrase\n" * 9))
    for words in COMMANDS:
        code = main([*(word.format(one) for word in words), "--home", str(one)])

        assert code == 0, (words, capsys.readouterr().err)
        assert content(other) == before, words
    assert not one.with_name("elsewhere").exists()

"""world.py: where a world is, and what lies where in it."""

import sys
from pathlib import Path

import pytest

from seemachine.world import World


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """~ is somebody's whom no host knows."""
    monkeypatch.setenv("HOME", "/home/nobody")


def test_the_world_is_where_the_variable_says(monkeypatch, tmp_path):
    """$SEEMACHINE_HOME wins over the data folder; a tilde and a relative path become absolute."""
    monkeypatch.chdir(tmp_path)
    for given, meant in (
        (str(tmp_path), tmp_path),
        ("~/world", Path("/home/nobody/world")),
        ("world", tmp_path / "world"),
    ):
        environ = {"SEEMACHINE_HOME": given, "XDG_DATA_HOME": "/elsewhere"}

        assert World.from_environment(environ) == World.at(meant)


def test_a_chosen_folder_wins(tmp_path):
    """Who names a folder gets it, whatever the environment says."""
    environ = {"SEEMACHINE_HOME": "/elsewhere"}

    assert World.from_environment(environ, tmp_path).folder == tmp_path


@pytest.mark.parametrize(
    ("platform", "data", "meant"),
    [
        ("linux", None, "/home/nobody/.local/share/seemachine"),
        ("linux", "", "/home/nobody/.local/share/seemachine"),
        ("linux", "/data", "/data/seemachine"),
        ("darwin", None, "/home/nobody/Library/Application Support/seemachine"),
    ],
)
def test_without_it_the_world_is_in_the_platform_s_data_folder(monkeypatch, platform, data, meant):
    """Linux keeps data under $XDG_DATA_HOME or ~/.local/share, macOS under ~/Library; an empty
    variable is none.
    """
    monkeypatch.setattr(sys, "platform", platform)
    environ = {"SEEMACHINE_HOME": ""} | ({} if data is None else {"XDG_DATA_HOME": data})

    assert World.from_environment(environ) == World.at(meant)


def test_keys_and_memory_may_lie_elsewhere():
    """$NFAST_KMLOCAL and $SEEMACHINE_SEEN count for the environment's world, and for no other."""
    environ = {"NFAST_KMLOCAL": "/opt/nfast/kmdata/local", "SEEMACHINE_SEEN": "/seen"}
    world = World.from_environment({"SEEMACHINE_HOME": "/w", **environ})

    assert (world.keys, world.seen) == (Path("/opt/nfast/kmdata/local"), Path("/seen"))
    assert World.from_environment({"SEEMACHINE_SEEN": "off"}).seen is None
    other = World.at("/w")
    assert (other.keys, other.seen) == (Path("/w/kmdata/local"), Path("/w/seen"))


def test_what_lies_where():
    """The folders that machines, clients and people agree on."""
    world = World.at("/w")

    assert world.hsm("7852-268D-3BF9") == Path("/w/hsm/7852-268D-3BF9")
    assert world.published == Path("/w/published/pqsdk")
    assert (world.witness, world.cards) == (Path("/w/witness"), Path("/w/cards"))
    assert str(world) == "/w"


def test_a_world_that_is_there(tmp_path):
    """An empty folder is none, one with cards is."""
    assert not World.at(tmp_path).is_there
    (tmp_path / "cards").mkdir()

    assert World.at(tmp_path).is_there


def nobody_has_a_home():
    """As for a user without an entry in passwd, such as one that OpenShift chooses."""
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, platform):
    """Without $SEEMACHINE_HOME there is no place for a world; with it nobody asks for a home."""
    monkeypatch.setattr(Path, "home", nobody_has_a_home)
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(OSError, match=r"no home folder; set SEEMACHINE_HOME to the world folder"):
        World.from_environment({})
    assert World.from_environment({"SEEMACHINE_HOME": "/data"}).folder == Path("/data")


def test_the_home_of_a_user_whom_nobody_knows():
    """A ~ that leads nowhere is told as what it is, in an environment too."""
    with pytest.raises(OSError, match="SEEMACHINE_HOME"):
        World.from_environment({"SEEMACHINE_HOME": "~no-such-user/world"})

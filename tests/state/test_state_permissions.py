"""permissions.py: state that others can read or write is not used."""

import os

import pytest
from kit.stores import ESN

from seemachine.state.cards.smartcard import Card, write_card
from seemachine.state.disk import permissions
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.disk.permissions import check_machine, check_root, check_world
from seemachine.state.disk.world_key import world_key
from seemachine.state.errors import StateUnsafe
from seemachine.world import World

IN_A_POD = "; in a pod, do as docs/how-to/kubernetes.md says"


def check_modes(world, machine):
    """As at the start of a process and its machine."""
    check_world(world)
    check_machine(machine)


@pytest.fixture
def world(tmp_path):
    """A world with everything in it that is looked at."""
    for folder in (f"hsm/{ESN}/slots/2", f"hsm/{ESN}/making", "cards", "witness/cards"):
        private_folder(tmp_path / "world" / folder)
    world_key(World.at(tmp_path / "world"))
    for file in (
        f"hsm/{ESN}/nvram.db",
        f"hsm/{ESN}/nvram.db-wal",
        f"hsm/{ESN}/making/a.key",
        "witness/cards/card2",
    ):
        replace_file(tmp_path / "world" / file, b"")
    write_card(tmp_path / "world" / "cards", Card.blank("card1"))
    return tmp_path / "world"


def refusal(world):
    """Why this world is not used."""
    with pytest.raises(StateUnsafe) as refused:
        check_modes(World.at(world), world / "hsm" / ESN)
    return str(refused.value)


def test_what_we_make_is_private(world):
    """State as it was made passes, and so does a world that is yet to be made."""
    check_modes(World.at(world), world / "hsm" / ESN)
    check_modes(World.at(world / "none"), world / "none" / "hsm" / ESN)


KEPT = [
    (f"hsm/{ESN}", f"hsm/{ESN}"),
    (f"hsm/{ESN}/nvram.db", f"hsm/{ESN}"),
    (f"hsm/{ESN}/nvram.db-wal", f"hsm/{ESN}"),
    (f"hsm/{ESN}/making/a.key", f"hsm/{ESN}"),
    (f"hsm/{ESN}/slots/2", f"hsm/{ESN}"),
    ("cards", "cards"),
    ("cards/card1.card", "cards"),
    ("witness/cards", "witness"),
    ("witness/cards/card2", "witness"),
    ("world.key", "world.key"),
]


@pytest.mark.parametrize("opened", [0o040, 0o020, 0o004, 0o002, 0o001])
@pytest.mark.parametrize(("path", "kept"), KEPT, ids=[path for path, _ in KEPT])
def test_what_is_open_to_others(world, path, kept, opened):
    """One bit for others anywhere is refused; the sentence names the file, its mode and the
    command, which mends it.
    """
    target = world / path
    target.chmod(target.stat().st_mode | opened)
    mode = target.stat().st_mode & 0o777

    said = refusal(world)
    assert (
        said == f"{target} is open to others (mode {mode:04o}); run: chmod -R go-rwx {world / kept}"
    )
    assert os.system(said.rpartition("run: ")[2]) == 0
    check_modes(World.at(world), world / "hsm" / ESN)


@pytest.mark.parametrize("path", ["", "hsm"])
def test_folders_that_others_may_enter(world, path):
    """The world itself may be looked at by others, for key files and published objects are in it,
    but not written to.
    """
    (world / path).chmod(0o755)
    check_modes(World.at(world), world / "hsm" / ESN)
    (world / path).chmod(0o775)

    assert (
        refusal(world)
        == f"{world / path} is open to others (mode 0775); run: chmod go-w {world / path}"
    )


def test_what_belongs_to_another_user(world, monkeypatch):
    """State of another user is refused with the command for its owner."""
    mine = os.geteuid()
    monkeypatch.setattr(permissions.os, "geteuid", lambda: mine + 1)

    assert (
        refusal(world)
        == f"{world} belongs to user {mine}, not to the one who runs this; run: chown -R {mine + 1}"
        f" {world}{IN_A_POD if mine == 0 else ''}"
    )


@pytest.mark.parametrize(("owner", "group", "ours"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_a_volume_of_a_pod(world, monkeypatch, owner, group, ours):
    """With a group of our own, what is root's and that group's is ours; what is another user's, or
    another group's, is not.
    """
    user, private = os.geteuid() + 1, os.getegid() + group
    monkeypatch.setattr(permissions, "ROOT", os.geteuid() + owner)
    monkeypatch.setattr(permissions.os, "geteuid", lambda: user)
    monkeypatch.setattr(permissions.os, "getegid", lambda: private)
    monkeypatch.setattr(permissions.os, "getgroups", list)

    if ours:
        check_world(World.at(world), private_group=True)
    else:
        with pytest.raises(StateUnsafe, match="not to the one who runs this"):
            check_world(World.at(world), private_group=True)


def test_what_is_no_file(world):
    """A pipe would have a machine wait for whoever is at its other end."""
    path = world / "hsm" / ESN / "history"
    os.mkfifo(path)
    path.chmod(0o600)
    assert refusal(world) == f"{path} is neither a file nor a folder; move it away"
    path.unlink()
    check_modes(World.at(world), world / "hsm" / ESN)


def test_root_makes_nothing_in_the_world_of_another(tmp_path, monkeypatch):
    """What root writes there would keep its user out, and machines would not start; root's own
    world, and one that is not there yet, are in order.
    """
    world = World.at(tmp_path / "world")
    check_root(world)
    world.folder.mkdir()
    mine = os.geteuid()
    check_root(world)

    monkeypatch.setattr(permissions, "ROOT", mine + 1)
    monkeypatch.setattr(permissions.os, "geteuid", lambda: mine + 1)
    with pytest.raises(StateUnsafe) as caught:
        check_root(world)
    assert str(caught.value) == (
        f"{world} belongs to user {mine}, whom files of root there would keep out; run this as that"
        f" user, or run: chown -R {mine + 1} {world}"
    )

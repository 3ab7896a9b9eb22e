"""An HSM is lost: what signs on, what does not, and how it comes back. 32 leaves in four leases."""

import shutil
import subprocess

import pytest
import seeclient
from seeclient import Status, StatusError
from seemachine import testing


@pytest.fixture
def key(seemachine_key, seemachine_cards):
    """Leaves 0 to 7 are on the HSM, three leases are on the card, which is on the rack."""
    made = seemachine_key("release", explease=2)
    seemachine_cards.provision()
    seemachine_cards.remove()
    return made


def seemachine(*words):
    """Run an operator's command, which has to succeed."""
    subprocess.run(["seemachine", *words], check=True)


def test_an_older_copy_signs_nothing(seemachine_fleet, seemachine_world, key, tmp_path):
    """Somebody puts Monday's copy of the HSM's folder back. On Tuesday it has signed."""
    fleet, esn = seemachine_fleet, seemachine_fleet.esns[0]
    folder, monday = seemachine_world.machines / esn, tmp_path / "monday"
    fleet.stop()
    shutil.copytree(folder, monday)
    fleet.start()
    tuesday = key.sign_with(b"firmware")
    fleet.stop()
    shutil.rmtree(folder)
    shutil.copytree(monday, folder)
    fleet.start()

    assert testing.quarantined(fleet)
    with pytest.raises(StatusError) as refused:
        key.sign(b"other firmware")
    assert refused.value.status is Status.AccessDenied
    seemachine("quarantine", "burn", "release", "--esn", esn)
    fleet.cards.provision("card1")
    assert key.sign_with(b"other firmware").leaf == 8
    testing.no_leaf_twice(fleet, signatures=[(b"firmware", tuesday.signature)])


def test_it_comes_back_from_a_backup(seemachine_fleet, seemachine_world, key, tmp_path):
    """The lease that was on it is lost, and no other: the card was in the backup."""
    fleet, backup = seemachine_fleet, str(tmp_path / "monday.tar")
    made = [(b"monday", key.sign(b"monday"))]
    seemachine("backup", backup, "--take-card", "card1")
    made += [(b"tuesday", key.sign(b"tuesday"))]  # of which the backup does not know
    fleet.stop()
    shutil.rmtree(seemachine_world.machines / fleet.esns[0])
    seemachine("restore", backup)
    fleet.start()

    with pytest.raises(seeclient.NotProvisioned):
        key.sign(b"wednesday")
    assert fleet.cards.provision("card1").leases_left == 2
    wednesday = key.sign_with(b"wednesday")
    assert wednesday.leaf == 8
    made += [(b"wednesday", wednesday.signature)]
    testing.no_leaf_twice(fleet, signatures=made)

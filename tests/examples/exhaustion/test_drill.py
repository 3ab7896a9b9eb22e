"""A key comes to its end, and nobody is surprised. 32 leaves: two leases of 16 on one card."""

import pytest
import seeclient
from alarms import alarms
from seeclient import Status, StatusError
from seemachine import testing

MESSAGES = [b"firmware"] * 16


@pytest.fixture
def key(seemachine_key, seemachine_cards):
    """Its first lease is on the HSM. The last four signatures of each lease need a reason."""
    made = seemachine_key("release", explease=1, warnat=4)
    seemachine_cards.provision()
    return made


def test_the_alarm_comes_before_the_refusal(seemachine_fleet, key):
    """Somebody has time to act: there are signatures between the two."""
    key.sign_many(MESSAGES[:8])
    assert not list(alarms(seemachine_fleet))
    key.sign(b"firmware")
    assert list(alarms(seemachine_fleet)) == ["release: 7 signatures left, provision a lease"]
    key.sign_many(MESSAGES[:3])
    with pytest.raises(StatusError) as refused:
        key.sign(b"firmware")
    assert refused.value.status is Status.UseLimitExceeded
    assert testing.leaves_used(key) == 12
    key.sign(b"firmware", acknowledge="release board")


@pytest.mark.seemachine(machines=2)
def test_the_next_lease_goes_to_another_hsm(seemachine_cards, key):
    """Which signs before the first one gives away its last signatures."""
    key.sign_many(MESSAGES[:12])
    seemachine_cards.provision("card1", machine=2)
    assert key.sign_with(b"firmware").leaf == 16


def test_the_key_is_replaced(seemachine_fleet, seemachine_key, seemachine_cards, key):
    """Both leases are used up: only another key signs on, and the old signatures stay valid."""
    key.sign_many(MESSAGES, acknowledge="drill")
    seemachine_cards.provision()
    last = key.sign_many(MESSAGES, acknowledge="drill")[-1]
    assert testing.exhausted(key)
    with pytest.raises(seeclient.UsedUp):
        key.sign(b"firmware")
    key.destroy()
    seemachine_key("release-2").sign(b"firmware")
    assert not list(alarms(seemachine_fleet))
    seeclient.verify(b"firmware", last, key.public_key)

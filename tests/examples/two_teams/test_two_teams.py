"""Two teams, an HSM each, one key and one card: what each of them can sign."""

from contextlib import ExitStack

import pytest
import seeclient
from seeclient import blocking
from seemachine import testing

pytestmark = pytest.mark.seemachine(machines=2, explease=1)


@pytest.fixture
def card(seemachine_key, seemachine_cards):
    """The name of the card, which has both leases of the key: leaves 0 to 15, and 16 to 31."""
    seemachine_key("release")
    return seemachine_cards.remove()


@pytest.fixture
def teams(seemachine_fleet, card):
    """The key as each team has it, whose client knows no HSM but the team's own."""
    world, addresses = seemachine_fleet.world, [peer.address for peer in seemachine_fleet.peers]
    with ExitStack() as open_fleets:
        fleets = [blocking.open_fleet(str(each), world=world) for each in addresses]
        yield [open_fleets.enter_context(each).key("release") for each in fleets]


def test_each_team_signs_from_its_own_lease(seemachine_fleet, seemachine_cards, card, teams):
    """The card goes from one team to the other; no leaf is on both HSMs."""
    north, south = teams
    seemachine_cards.provision(card, machine=1)
    seemachine_cards.provision(card, machine=2)
    boot, app = north.sign_with(b"boot"), south.sign_with(b"app")
    assert (boot.leaf, app.leaf) == (0, 16)
    testing.no_leaf_twice(seemachine_fleet, signatures=[(b"boot", boot), (b"app", app)])


def test_a_team_without_a_lease_signs_nothing(seemachine_cards, card, teams):
    """Although the key file is there, and the other HSM has leaves."""
    north, south = teams
    seemachine_cards.provision(card, machine=1)
    north.sign(b"firmware")
    with pytest.raises(seeclient.NotProvisioned):
        south.sign(b"firmware")


def test_the_card_is_lost(seemachine_fleet, seemachine_cards, card, teams):
    """What is on an HSM signs on. The lease on the card is gone: nobody makes it again."""
    north, _south = teams
    seemachine_cards.provision(card, machine=1)
    seemachine_cards.lose(card)
    with pytest.raises(testing.CardError):
        seemachine_cards.provision(card, machine=2)
    assert len(north.sign_many([b"firmware"] * 16)) == 16
    assert testing.exhausted(seemachine_fleet.key("release"))

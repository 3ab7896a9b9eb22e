"""Tests of a typed project: fixtures and strategies by their types."""

import pytest
from hypothesis import given, settings
from seemachine import testing
from seemachine.testing import strategies


@pytest.mark.seemachine(machines=2, expcards=1)
def test_a_lease_goes_to_the_other_machine(
    seemachine_fleet: testing.BlockingFleet,
    seemachine_key: testing.KeyMaker,
    seemachine_cards: testing.Cards[testing.Provisioned],
    seemachine_world: testing.World,
) -> None:
    """`reveal_type` says of each what it is."""
    key = seemachine_key("release", warnat=4)
    assert seemachine_cards.provision("card1", machine=2).leases_left == 0
    made = [(message, key.sign_with(message)) for message in (b"one", b"two")]
    testing.no_leaf_twice(seemachine_fleet, signatures=made)
    assert seemachine_world.folder == seemachine_fleet.folder


@settings(max_examples=3, deadline=None)
@given(strategies.fleets(), strategies.lms_sets())
def test_every_set_signs(words: strategies.FleetWords, sets: testing.LmsSets) -> None:
    """On any fleet, and what is quick is a set too."""
    with testing.fleet(**words) as fleet:
        fleet.generate_lms("quick", **testing.QUICK)
        fleet.generate_lms("release", **sets).sign(b"firmware")

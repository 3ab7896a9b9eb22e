"""The hands of a test's fleet: cards are made, moved, lost and worn out."""

import pytest
from seeclient import Status, StatusError

from seemachine import testing
from seemachine.state.errors import CardError


@pytest.fixture
def fleet():
    """Two machines, and a key on two cards with two leases each."""
    with testing.fleet(machines=2, operator="auto") as fleet:
        fleet.generate_lms("release", **testing.QUICK, expcards=1, explease=1)
        yield fleet


def test_a_card_goes_from_machine_to_machine(fleet):
    """Each takes a lease of it; then it is used up, and says so."""
    key = fleet.key("release")
    fleet.cards.provision("card1", machine=1)
    fleet.cards.provision("card1", machine=testing.OTHER_ESN)
    assert key.info().remaining == 16
    with pytest.raises(StatusError) as refused:
        fleet.cards.provision(machine=2)
    assert refused.value.status is Status.UseLimitExceeded
    assert fleet.cards.remove(2) == "card1"
    assert [(card.card, card.leases, card.esn) for card in fleet.cards.listing()] == [
        ("card1", 0, ""),
        ("card2", 2, ""),
    ]


def test_blank_cards(fleet):
    """A slot gets one that is there, or a new one; what was in the slot goes back to the rack."""
    assert fleet.cards.make() == "card3"
    assert fleet.cards.insert() == "card3"
    assert fleet.cards.insert(machine=2, slot=0) == "card4"
    assert [card.card for card in fleet.cards.listing() if not card.esn] == ["card1", "card2"]


def test_a_card_that_is_lost_or_damaged(fleet):
    """No machine gets a lease of it any more."""
    fleet.cards.lose("card1")
    fleet.cards.damage("card2")
    with pytest.raises(CardError) as missing:
        fleet.cards.provision("card1")
    with pytest.raises(StatusError) as damaged:
        fleet.cards.provision("card2")
    assert str(missing.value) == "there is no card 'card1'; make one with: fleet.cards.make()"
    assert damaged.value.status is Status.Malformed
    with pytest.raises(CardError, match=r"there is no card '\.\./card1'"):
        fleet.cards.lose("../card1")


def test_a_card_that_is_worn_out(fleet):
    """It can be read and not written, in each machine, also after a restart and when faults were
    cleared: its leases stay on it, and other cards are as they were.
    """
    key = fleet.key("release")
    fleet.cards.wear_out("card1")
    fleet.cards.wear_out("card1")
    for prepare in (fleet.restart, fleet.faults.clear, fleet.cards.remove):
        with pytest.raises(StatusError) as worn:
            fleet.cards.provision("card1")
        assert worn.value.status is Status.OSErrorErrno
        prepare()
    with pytest.raises(StatusError):
        fleet.cards.provision("card1", machine=2)
    assert [card.leases for card in fleet.cards.listing()] == [2, 2]
    assert [each.fault for each in fleet.faults.listing()] == ["card-worn card=card1"]
    fleet.cards.provision("card2")
    assert key.sign_with(b"firmware").leaf == 16
    assert not testing.exhausted(key)
    testing.no_leaf_twice(fleet)


def test_a_worn_card_of_machines_that_inject_no_faults():
    """It is refused, and not forgotten silently; so is a card that there is not."""
    with testing.fleet(fault_injection=False) as fleet:
        with pytest.raises(CardError):
            fleet.cards.wear_out("card1")
        card = fleet.cards.make()
        with pytest.raises(StatusError, match="takes no faults"):
            fleet.cards.wear_out(card)
        fleet.restart()


async def test_cards_in_a_loop():
    """The same for trio, and an operator card set."""
    async with testing.fleet(operator="auto") as fleet:
        await fleet.generate_lms("release", **testing.QUICK, expcards=1)
        provisioned = await fleet.cards.provision("card2")
        assert (provisioned.first, provisioned.end) == (16, 32)
        assert fleet.cards.deal("signers", quorum=2, cards=3) == [
            "signers-1",
            "signers-2",
            "signers-3",
        ]


def test_the_summary(fleet):
    """What there is, in a few lines; after the end what there was."""
    fleet.generate_lms("other", **testing.QUICK, esn=testing.OTHER_ESN).sign(b"firmware")
    fleet.cards.remove()
    fleet.stop(1)
    told = fleet.summary()
    assert told.splitlines() == [
        f"machine 1 ({testing.ESN}): down",
        f"machine 2 ({testing.OTHER_ESN}): up",
        "  other: leaves 0 to 31, the next is 1",
        "keys: other, release",
        "card1: lms, 2 leases, on the rack",
        "card2: lms, 2 leases, on the rack",
    ]
    fleet.close()
    assert fleet.summary() == told
    assert fleet.log[-1]["event"] == "stopped"

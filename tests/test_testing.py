"""seemachine.testing: what users' tests are given does what the daemon does, without a process."""

import pytest
from kit.verdicts import verifies
from seeclient import Status, StatusError

from seemachine import testing
from seemachine.wire.names import FIRST_DYNAMIC_SLOT


@pytest.fixture
def rig(tmp_path):
    """A rig in a folder of this test."""
    return testing.Rig(tmp_path)


def test_a_signature_without_a_socket(rig):
    """A key is made and signs, and another implementation verifies the signature."""
    rig.start()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        signature = key.sign(b"firmware")

        assert verifies(key.file.public_key, signature, b"firmware")
        assert fleet.key("release").info().remaining == 31


async def test_the_trio_client_does_the_same(rig):
    """Both clients reach the machines of a rig, and the same keys."""
    rig.start()
    async with rig.trio_fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        first = await key.sign(b"one")
    with rig.fleet() as fleet:
        second = fleet.key("release").sign(b"two")

    assert (first[:4], second[:4]) == (bytes(4), bytes(3) + b"\x01")


def test_cards_move_leases_between_machines(rig):
    """A sectorized key: its card goes from one machine to the other, with what is left on it."""
    rig.start()
    rig.start(testing.OTHER_ESN)
    card = rig.feed_blank()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, explease=1)
        fleet.provision(testing.ESN, FIRST_DYNAMIC_SLOT)
        rig.move(card, testing.OTHER_ESN)
        fleet.provision(testing.OTHER_ESN, FIRST_DYNAMIC_SLOT)

        assert key.info().remaining == 32


@pytest.mark.parametrize("store", ["sqlite", "file"])
def test_a_durable_machine_goes_on_after_its_leaves(rig, store):
    """Stopped and started again it signs with the next leaf; who was connected finds it again."""
    rig.start(store=store)
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        key.sign(b"one")
        rig.stop()
        rig.start(store=store)

        assert key.sign_with(b"two").leaf == 1


def test_a_machine_that_is_down(rig):
    """Nobody answers for a machine that was stopped, and the refusal says so."""
    rig.start()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        rig.stop()
        with pytest.raises(StatusError) as refused:
            key.sign(b"one")

    assert refused.value.status is Status.OSErrorErrno
    with rig.fleet() as fleet:
        assert fleet.roster.peers == []


def test_two_rigs_never_meet(tmp_path):
    """Two worlds in one process have their own keys, cards, leaves and memory."""
    one, other = testing.Rig(tmp_path / "one"), testing.Rig(tmp_path / "other")
    for rig in (one, other):
        rig.start()
    with one.fleet() as first, other.fleet() as second:
        first.generate_lms("release", **testing.QUICK)
        with pytest.raises(StatusError) as refused:
            second.key("release")
        assert refused.value.status is Status.UnknownID
        second.generate_lms("release", **testing.QUICK)
        first.key("release").sign(b"one")

        assert first.key("release").info().remaining == 31
        assert second.key("release").info().remaining == 32
    assert one.world.seen.is_dir()
    assert not other.world.seen.exists()

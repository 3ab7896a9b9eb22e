"""A reply that is lost to a question that only looks: it is asked twice more, by every client."""

import pytest
from seeclient import Status, StatusError

from seemachine import testing

CUTS = ("drop-before", "drop-after", "tear", "restart")


@pytest.mark.parametrize("cut", CUTS)
def test_who_signs_first_asks_again_who_has_leaves(cut: str) -> None:
    """The first question of a signature is lost, and one leaf is taken."""
    with testing.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        fleet.faults.add(f"{cut} times=1")
        key.verify(b"firmware", key.sign(b"firmware"))
        assert key.info().remaining == 31


async def test_the_trio_client_asks_again() -> None:
    """It plays the same stories; also where the second reply is lost."""
    async with testing.fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        fleet.faults.add("drop-after times=2")
        assert (await key.info()).remaining == 32


def test_it_is_asked_twice_more_and_no_oftener() -> None:
    """Who goes on losing replies is said to be unreachable."""
    with testing.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        fleet.faults.add("drop-before on=nvmemfile_info")
        with pytest.raises(StatusError) as refused:
            key.sign(b"firmware")
        assert refused.value.status is Status.OSErrorErrno
        [fault] = fleet.faults.listing()
        assert fault.fired == 3

"""The pipeline signs although replies are lost."""

import pytest
from seeclient import StatusError
from seemachine import testing
from pipeline import sign


def signed(*faults):
    """A signature while these go wrong, and how many leaves it took."""
    with testing.fleet(seed=7, faults=faults) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        signature = sign(key, b"firmware")
        testing.no_leaf_twice(fleet, signatures=[(b"firmware", signature)])
        return signature, testing.leaves_used(key)


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "tear"])
def test_a_lost_reply_is_asked_for_again(kind):
    """It is the very signature that a calm machine with this seed makes, from the same leaf."""
    assert signed(f"{kind} on=signing times=2") == signed()


@pytest.mark.parametrize(("kind", "leaves"), [("drop-before", 1), ("drop-after", 2)])
def test_an_outage_that_outlasts_the_client(kind, leaves):
    """It asks six times. The pipeline's next attempt is another request: where the first one was
    carried out, its leaf is lost, and signs nothing else.
    """
    assert signed(f"{kind} on=signing times=6")[1] == leaves


def test_a_refusal_is_not_tried_again(seemachine_fleet, seemachine_key):
    """Leaves in doubt are for a person to look at."""
    seemachine_fleet.faults.add("refuse on=nvmemfile_sign status=AccessDenied")
    with pytest.raises(StatusError, match="AccessDenied"):
        sign(seemachine_key(), b"firmware")
    assert seemachine_fleet.faults.listing()[0].fired == 1

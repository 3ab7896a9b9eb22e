"""What testing.fleet refuses, and the sentences that say so."""

import resource

import pytest

from seemachine import testing
from seemachine.config import ConfigError
from seemachine.testing.hosting import descriptors


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"machines": 0}, "machines takes a number from 1 to 10000, not 0"),
        ({"machines": 100_000}, "machines takes a number from 1 to 10000, not 100000"),
        ({"seed": ""}, "seed takes a number or a text; leave it out"),
        ({"folder": ""}, "folder takes the path of a folder; leave it out"),
        ({"model": "9c"}, "model takes one of 5c, xc, not '9c'"),
        ({"stroe": "file"}, "unknown setting stroe; did you mean store? Known are"),
        ({"machine": 2}, "unknown setting machine; did you mean machines?"),
        ({"esn": testing.ESN}, "esn is not to be set here: each machine of a fleet has its own"),
    ],
)
def test_what_is_mistyped_is_refused_by_name(given, sentence):
    """Before anything is started, and nothing is left of it."""
    with pytest.raises(ConfigError) as refused, testing.fleet(**given):
        pass
    assert sentence in str(refused.value)


def test_more_machines_than_open_files():
    """Refused before one is started, with what to do; where the system lets us ask, it is asked."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
        descriptors.allow(20)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 20 * descriptors.EACH
        with pytest.raises(ConfigError, match="ulimit -n"):
            descriptors.allow(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_machine_that_there_is_not():
    """It is named, with those that there are."""
    with testing.fleet() as fleet, pytest.raises(ConfigError) as refused:
        fleet.stop(2)
    assert str(refused.value) == (f"there is no machine 2 in this fleet; it has 1 ({testing.ESN})")

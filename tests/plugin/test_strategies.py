"""seemachine.testing.strategies: what they draw exists, is quick, and is taken."""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from seemachine import testing
from seemachine.faults import KINDS, fault_of
from seemachine.lms.parameters import OTS_SETS, TREE_SETS, check_pair, lmots, lms
from seemachine.testing import strategies
from seemachine.wire.names import FIRST_DYNAMIC_SLOT

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(strategies.lms_sets())
def test_parameter_sets(sets):
    """Each is a pair that goes together, of few leaves and short chains."""
    tree, ots = lms(sets["lms"]), lmots(sets["lmots"])
    check_pair(tree, ots)
    assert (tree.h, ots.w <= 4) == (5, True)


def test_every_hash_and_length_is_drawn():
    """Nothing that a key can have is left out, but for its height and the widest chains."""
    for tree in TREE_SETS:
        for ots in OTS_SETS:
            pair = {"lms": tree.name, "lmots": ots.name}
            if tree.h == 5 and ots.w <= 4 and (tree.hash, tree.m) == (ots.hash, ots.n):
                assert find(strategies.lms_sets(), lambda found, pair=pair: found == pair) == pair


def test_the_least_is_the_quickest():
    """Whatever fails, Hypothesis shows it with the quickest sets, one machine and no fault."""
    assert find(strategies.lms_keys(), lambda _: True) == testing.QUICK
    assert find(strategies.fleets(), lambda _: True) == {"machines": 1}
    assert find(strategies.fault_plans(), lambda _: True) == []


@few
@given(strategies.lms_keys())
def test_keys(tmp_path_factory, recipe):
    """A machine makes each of them, and it signs; with cards, once a lease was provisioned."""
    rig = testing.Rig(tmp_path_factory.mktemp("world"))
    rig.start(operator="auto")
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **recipe)
        if key.file.sectors.sectorized:
            fleet.provision(testing.ESN, FIRST_DYNAMIC_SLOT)
        key.verify(b"firmware", key.sign(b"firmware"))


@settings(few, max_examples=5)
@given(strategies.fleets())
def test_fleets(choice):
    """Each of them comes up."""
    with testing.fleet(**choice) as fleet:
        assert len(fleet.peers) == choice["machines"]


@few
@given(strategies.fault_plans())
def test_faults(plan):
    """Each has a kind and words that it takes, and ends by itself."""
    for line in plan:
        fault = fault_of(line)
        assert fault.text == line
        assert 1 <= fault.times <= 3 or "times" not in fault.facts.takes


@few
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_faults_of_a_kind(kind, data):
    """Whoever names a kind gets faults of that kind."""
    assert data.draw(strategies.faults(kind)).split()[0] == kind


def test_a_kind_that_there_is_not():
    """It is refused in the words of faults."""
    with pytest.raises(ValueError, match=r"there is no fault 'tare'; did you mean tear\?"):
        strategies.faults("tare")


def test_without_hypothesis():
    """Who has no Hypothesis is told what to install."""
    code = "import sys; sys.modules['hypothesis'] = None; import seemachine.testing.strategies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: seemachine.testing.strategies needs Hypothesis; install it with: pip"
        " install hypothesis"
    )

"""What a client sees of each fault of a request, by the words of docs/how-to/faults.md."""

from pathlib import Path

import pytest
from kit.verdicts import leaf_of
from seeclient import NotProvisioned, StatusError
from seeclient.blocking import Fleet

from seemachine import testing
from seemachine.faults import Injector
from seemachine.testing import ESN, OTHER_ESN, QUICK

CUTS = ["drop-before", "drop-after", "tear"]
LOST = "OSErrorErrno.*: connection to .*: the connection ended (before the reply|inside a frame)"


@pytest.fixture
def rig(tmp_path: Path) -> testing.Rig:
    """A world with a machine where faults are injected."""
    made = testing.Rig(tmp_path)
    made.start(store="file", faults=Injector())
    return made


@pytest.fixture
def injector(rig: testing.Rig) -> Injector:
    """Its faults."""
    found = rig.machines[ESN].faults
    assert found is not None
    return found


def remaining(fleet: Fleet, alias: str) -> int:
    """Signatures of a key that are left in all machines."""
    return fleet.key(alias).info().remaining


@pytest.mark.parametrize("kind", CUTS)
def test_who_signs_sees_nothing(rig: testing.Rig, injector: Injector, kind: str) -> None:
    """The client connects again and asks again: one leaf, one signature."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("k", **QUICK)
        injector.add(f"{kind} on=signing times=1")
        assert key.sign_with(b"m").leaf == 0
        assert remaining(fleet, "k") == 31


def test_after_not_available_it_goes_on_to_another_machine(
    rig: testing.Rig, injector: Injector
) -> None:
    """With any other status the refusal is the client's."""
    other = Injector()
    rig.start(OTHER_ESN, faults=other)
    with rig.fleet() as fleet:
        rig.feed_blank()
        key = fleet.generate_lms("k", **QUICK, explease=1)
        for esn in (ESN, OTHER_ESN):
            rig.move("card1", esn)
            fleet.provision(esn, 2)
        injector.add("refuse on=nvmemfile_sign")
        assert key.sign_with(b"m").esn == OTHER_ESN
        injector.clear()
        for each in (injector, other):
            each.add("refuse on=nvmemfile_sign status=ObjectInUse detail='not now'")
        with pytest.raises(StatusError, match=r"ObjectInUse.*: not now"):
            key.sign(b"m")


def test_a_refusal_of_any_request_keeps_its_status(rig: testing.Rig, injector: Injector) -> None:
    """Also where the client only looks which machine has the key."""
    with rig.fleet() as fleet:
        fleet.generate_lms("k", **QUICK)
    with rig.fleet() as fleet:
        key = fleet.key("k")
        injector.add("refuse status=AccessDenied detail='not today'")
        with pytest.raises(StatusError, match=r"AccessDenied.*: not today"):
            key.sign(b"m")
        injector.clear()
        injector.add("refuse")
        with pytest.raises(NotProvisioned, match="no HSMs with NVRAM"):
            key.sign(b"m")


@pytest.mark.parametrize("kind", CUTS)
def test_a_key_in_the_making_is_taken_up_again(
    rig: testing.Rig, injector: Injector, kind: str
) -> None:
    """The client says that the connection ended; what was done is not done again."""
    with rig.fleet() as fleet:
        injector.add(f"{kind} on=continueLMS_cache_next after=1 times=1")
        with pytest.raises(StatusError, match=LOST):
            fleet.generate_lms("k", **QUICK, expchunk=3)
        fleet.resume_lms("k").sign(b"m")
        assert remaining(fleet, "k") == 31


@pytest.mark.parametrize("kind", CUTS)
def test_a_lease_is_on_the_card_or_in_nvram(
    rig: testing.Rig, injector: Injector, kind: str
) -> None:
    """Never on both, and never on neither."""
    rig.feed_blank()
    with rig.fleet() as fleet:
        fleet.generate_lms("k", **QUICK, explease=1)
        injector.add(f"{kind} on=provisionLMS times=1")
        with pytest.raises(StatusError, match=LOST):
            fleet.provision(ESN, 2)
        assert remaining(fleet, "k") == (0 if kind == "drop-before" else 16)
        leaves: list[int] = []
        while len(leaves) < 32:
            if not remaining(fleet, "k"):
                fleet.provision(ESN, 2)
            signed = fleet.key("k").sign_many([b"m"] * 16)
            leaves += (leaf_of(each) for each in signed)
        assert sorted(leaves) == list(range(32))
        with pytest.raises(StatusError):
            fleet.provision(ESN, 2)


def test_a_failed_module_serves_when_it_is_cleared(rig: testing.Rig, injector: Injector) -> None:
    """Until then nobody has leaves, which the client says in the guide's words."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("k", **QUICK)
        injector.add("module-failed")
        with pytest.raises(StatusError, match=r"NotAvailable\(73\): no HSMs with NVRAM .* file"):
            key.sign(b"m")
        assert remaining(fleet, "k") == 32
        injector.clear()
        key.sign(b"m")

"""What a client sees of each fault of a machine's state, by the words of docs/how-to/faults.md."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.mishaps import SLOT, Bench
from kit.stores import KINDS
from seeclient.blocking import Fleet
from seeclient.results import Signed

from seemachine import testing
from seemachine.faults import Injector
from seemachine.wire.status import StatusError

ON_CARD = testing.QUICK | {"explease": 2}
NO_CARD = f"NotAvailable\\(73\\): there is no card in slot {SLOT} in .*; insert one with: .*"
BROKEN = r"OSErrorErrno\(57\): \[Errno 5\] Input/output error: '.*card1.card' in .*"


@pytest.fixture(params=[kind.name for kind in KINDS])
def store(request: pytest.FixtureRequest) -> str:
    """Each kind of store."""
    return str(request.param)


class Desk:
    """A machine with a key in NVRAM, another on a card, and a client."""

    def __init__(self, rig: testing.Rig, faults: Injector, fleet: Fleet) -> None:
        self.rig, self.faults, self.fleet = rig, faults, fleet
        fleet.generate_lms("release", **testing.QUICK)
        rig.feed_blank()
        fleet.generate_lms("spare", **ON_CARD)

    def sign(self) -> Signed:
        """With the key in NVRAM."""
        return self.fleet.key("release").sign_with(b"firmware")

    def provision(self) -> object:
        """The next lease of the other key."""
        return self.fleet.provision(testing.ESN, SLOT)

    def refused(self, act: Callable[[], object]) -> str:
        """What is said of it."""
        with pytest.raises(StatusError) as refusal:
            act()
        return str(refusal.value)


@pytest.fixture
def desk(tmp_path: Path, store: str) -> Iterator[Desk]:
    """With a machine of each kind of store."""
    rig, faults = testing.Rig(tmp_path), Injector()
    rig.start(store=store, faults=faults)
    with rig.fleet() as fleet:
        yield Desk(rig, faults, fleet)
    rig.stop()


def test_a_signature_outlives_a_restart(desk: Desk) -> None:
    """The client comes back and asks again, and one leaf is taken."""
    for leaf in range(3):
        desk.faults.add("restart on=nvmemfile_sign")
        signed = desk.sign()
        desk.fleet.key("release").verify(b"firmware", signed.signature)
        assert signed.leaf == leaf


def test_a_failed_module_is_as_none(desk: Desk) -> None:
    """It does nothing but look until it is cleared; a client goes on to other machines, and finds
    none that has the key.
    """
    desk.faults.add("module-failed")
    for _ in range(2):
        assert re.match(r"NotAvailable\(73\): no HSMs with NVRAM .* file", desk.refused(desk.sign))
    why = "NotAvailable\\(73\\): the module has failed in .*; clear it with: .*"
    assert re.match(why, desk.refused(desk.provision))
    desk.faults.clear()
    assert desk.sign().leaf == 0


def test_another_machine_signs_while_one_has_failed(tmp_path: Path) -> None:
    """A lease of the key is there, too."""
    rig, faults = testing.Rig(tmp_path), Injector()
    rig.start(faults=faults)
    rig.start(testing.OTHER_ESN)
    with rig.fleet() as fleet:
        card = rig.feed_blank()
        key = fleet.generate_lms("release", **ON_CARD)
        fleet.provision(testing.ESN, SLOT)
        rig.move(card, testing.OTHER_ESN, SLOT)
        fleet.provision(testing.OTHER_ESN, SLOT)
        faults.add("module-failed")
        assert key.sign_with(b"firmware").esn == testing.OTHER_ESN


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("card-pulled moment=read", NO_CARD),
        ("card-pulled", BROKEN),
        ("card-pulled moment=written", BROKEN),
        ("card-worn", BROKEN),
        ("card-torn", BROKEN),
        (
            "disk-full",
            r"OSErrorErrno\(57\): \[Errno 28\] No space left on device: '.*1.card' in .*",
        ),
        ("nvram-full", r"ObjectInUse\(6\): the NVRAM is full: it holds 4096 files in .*"),
    ],
    ids=lambda value: value if value[0].islower() else "",
)
def test_a_lease_that_does_not_come(desk: Desk, fault: str, words: str) -> None:
    """What is said, and that the next one comes, if the card can be read."""
    desk.faults.add(f"{fault} times=1")
    assert re.fullmatch(words, desk.refused(desk.provision))
    if fault.startswith("card-pulled"):
        desk.rig.rack.insert("card1", testing.ESN, SLOT)
    if fault == "card-torn":
        assert re.match(r"Malformed\(3\): card card1: .*", desk.refused(desk.provision))
    else:
        desk.provision()
    assert desk.sign().leaf == 0


def test_a_full_disk(desk: Desk, store: str) -> None:
    """The words are those of its store; the leaf is lost, and the next one signs."""
    desk.faults.add("disk-full times=1")
    said = desk.refused(desk.sign)
    assert said.startswith("OSErrorErrno(57): ")
    full = {"sqlite": "nvram.db: database or disk is full in "}
    assert full.get(store, "No space left on device in ") in said
    assert desk.sign().leaf == 1


def test_a_start_without_a_witness(tmp_path: Path) -> None:
    """All is in quarantine, and the words say why."""
    bench = Bench(tmp_path)
    file = bench.singular()
    bench.faults.add("witness-lost times=1")
    bench.held.restart()
    said = str(bench.sign(file))
    assert re.match(
        "AccessDenied: NVRAM file .* is in quarantine: its witness has never seen", said
    )
    bench.close()

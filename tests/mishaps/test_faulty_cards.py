"""Cards that are pulled, worn or torn, and what is left of the leases on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.commands import hash_key
from kit.mishaps import SLOT, Bench

from seemachine.commands import answer
from seemachine.state.cards.smartcard import BLANK, LMS, UNKNOWN, look
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

HOW = f"insert one with: seemachine card insert CARD --esn {ESN} --slot {SLOT}"


@pytest.fixture(params=["sqlite", "file", "memory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A machine of each kind of store."""
    made = Bench(tmp_path, request.param)
    yield made
    made.close()


def slot_path(bench: Bench) -> Path:
    """The card in the slot."""
    path = bench.held.machine.slots.occupant(SLOT)
    assert path is not None
    return path


def broken(bench: Bench, path: Path, where: str) -> str:
    """What is said of a card that can't be written."""
    return f"OSErrorErrno: [Errno 5] Input/output error: '{path}' in {where}"


@pytest.mark.parametrize("moment", ["read", "write", "written"])
def test_a_card_is_pulled_while_a_lease_comes_in(bench: Bench, moment: str) -> None:
    """It lies on the rack. Only what was taken off it already is lost; put back, it goes on."""
    bench.card(leases=4)
    path = slot_path(bench)
    bench.faults.add(f"card-pulled moment={moment} times=1")
    why = (
        f"NotAvailable: there is no card in slot {SLOT} in command_see_provisionLMS; {HOW}"
        if moment == "read"
        else broken(bench, path, "command_see_provisionLMS")
    )
    assert bench.provision() == why
    [card] = bench.rack.listing()
    assert (card.esn, card.leases) == ("", 3 if moment == "written" else 4)
    assert bench.held.machine.store.names() == []
    bench.rack.insert(card.card, ESN, SLOT)
    lease = bench.provision()
    assert isinstance(lease, m.LmsProvisioned)
    assert lease.first == (8 if moment == "written" else 0)
    assert bench.sign(lease.file) == lease.first


def test_a_pulled_card_is_written_over_no_copy(bench: Bench) -> None:
    """Where the rack has a file of its name, somebody copied it in that moment: both stay."""
    bench.card(leases=2)
    path = slot_path(bench)
    copy = bench.rack._folder / path.name
    copy.write_bytes(b"a copy")
    bench.held.machine.slots._pull(path)
    assert path.exists()
    assert copy.read_bytes() == b"a copy"
    copy.unlink()


def test_a_worn_card_gives_nothing_and_keeps_all(bench: Bench) -> None:
    """What is on it stays there, and comes in once the card can be written."""
    bench.card(leases=2)
    bench.faults.add("card-worn")
    for _ in range(2):
        assert bench.provision() == broken(bench, slot_path(bench), "command_see_provisionLMS")
    assert look(slot_path(bench)) == (LMS, 2)
    bench.faults.clear()
    assert isinstance(bench.provision(), m.LmsProvisioned)


def test_one_card_is_worn_and_others_are_not(bench: Bench) -> None:
    """The fault names a card."""
    bench.card(leases=2)
    bench.faults.add(f"card-worn card={slot_path(bench).stem}")
    assert bench.provision() == broken(bench, slot_path(bench), "command_see_provisionLMS")
    bench.card(leases=2, slot=3)
    assert isinstance(bench.provision(3), m.LmsProvisioned)


def test_a_torn_card_is_damaged_for_good(bench: Bench) -> None:
    """Nobody gets a lease of it any more, whatever is put in its place; it can be made blank."""
    bench.card(leases=4)
    path = slot_path(bench)
    before = path.read_bytes()
    bench.faults.add("card-torn times=1")
    assert bench.provision() == broken(bench, path, "command_see_provisionLMS")
    assert look(path) == (UNKNOWN, 0)
    said = bench.provision()
    assert isinstance(said, str)
    assert said.startswith(f"Malformed: card {path.stem}: ")
    assert said.endswith("; take another card of the key")
    torn = path.read_bytes()
    path.write_bytes(before)
    assert "is a copy or was restored from a backup" in str(bench.provision())
    path.write_bytes(torn)
    bench.rack.format(ESN, SLOT)
    assert look(path) == (BLANK, 0)


@pytest.mark.parametrize(
    ("fault", "written", "lost"),
    [
        ("card-pulled moment=read", False, False),
        ("card-pulled moment=write", False, True),
        ("card-pulled moment=written", True, False),
        ("card-worn", False, True),
        ("card-torn", False, True),
        ("disk-full", False, True),
    ],
)
def test_a_card_of_a_new_key_is_not_written(
    bench: Bench, fault: str, written: bool, lost: bool
) -> None:
    """The leases of that card are on it or lost, and never on another; the other card comes."""
    session, name = bench.session(), bench.blank()
    key = hash_key(session, expcards=1, explease=1)
    bench.faults.add(f"{fault} times=1")
    refused = answer(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
    assert isinstance(refused, StatusError)
    none = fault.endswith("=read")
    assert refused.status is (Status.NotAvailable if none else Status.OSErrorErrno)
    bench.faults.clear()
    firsts = []
    for _ in range(2 if none else 1):
        bench.blank()
        reply = answer(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
        assert isinstance(reply, m.CardWritten)
        lease = bench.provision()
        assert isinstance(lease, m.LmsProvisioned)
        firsts.append(lease.first)
        bench.held.machine.store.delete(lease.file)
    assert firsts == ([0, 16] if none else [16])
    on_first = {each.card: each.leases for each in bench.rack.listing()}[name]
    assert on_first == (2 if written else 0)
    assert lost == (not written and 0 not in firsts)


def test_the_words_are_those_of_a_real_write_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that breaks or is full at that very write says the same."""
    from kit.faults import break_at

    bench = Bench(tmp_path)
    bench.card(leases=2)
    bench.faults.add("card-worn times=1")
    bench.faults.add("disk-full times=1 after=1")
    injected = [bench.provision() for _ in range(2)]
    real = []
    for number in (5, 28):
        with monkeypatch.context() as patch:
            break_at(patch, "write", number)
            real.append(bench.provision())
    assert injected == real
    bench.close()

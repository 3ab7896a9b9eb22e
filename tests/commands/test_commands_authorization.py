"""Who may not, does not: each guard of a SEE machine against each command, with its status, and
nothing has changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from kit.commands import (
    SLOT,
    RepeatableRig,
    ask,
    digest_for,
    generate,
    hash_key,
    make_key_on_cards,
    sign,
)
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.machine import Machine, Session
from seemachine.state.cards.smartcard import read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

OURS, EXTRA, THEIRS = b"ours", b"extra", b"theirs"
LABEL = "big"


class Bench:
    """A machine that made two keys, one of them on a card, and a third one in part; and the same
    NVRAM under another SEE machine.
    """

    def __init__(self, world: RepeatableRig, signer: bytes = OURS) -> None:
        self.world, self.store = world, MemoryStore()
        self.checkpoints = FolderCheckpoints(world.folder / "hsm" / ESN)
        maker = self.session(signer=signer)
        self.key = hash_key(maker)
        self.on_card = make_key_on_cards(world, maker, expcards=0, explease=1)
        half_made = ask(maker, generate(label=LABEL, expchunk=3))
        ask(maker, m.ContinueLms(handle=half_made.handle))
        self.used, self.reserved = (
            sign(self.key.file),
            m.NvmemfileReserve(file=self.key.file, token=new_token()),
        )
        ask(maker, self.used)
        self.bound = self.digest(ask(maker, self.reserved), self.reserved.token)
        ask(maker, self.bound)
        maker.close()

    def session(self, **settings: Any) -> Session:
        """A connection to this NVRAM as some SEE machine has it."""
        machine: Machine = self.world.machine(
            store=self.store, checkpoints=self.checkpoints, **settings
        )
        return Session(machine)

    def digest(self, reserved: m.NvmemfileReserved, token: bytes) -> m.NvmemfileSignDigest:
        """What a client computes for a leaf that was set aside."""
        return m.NvmemfileSignDigest(
            file=self.key.file, token=token, digest=digest_for(self.key.public_key, reserved)
        )

    def state(self) -> object:
        """All that a command could change: NVRAM and its ledger, cards, half-made keys."""
        files = sorted(
            (each.name, each.next, each.quarantine) for each in self.store._files.values()
        )
        cards = [
            [each.first for each in read_card(path).leases]
            for path in sorted(self.world.folder.rglob("*.card"))
        ]
        making = {
            path.name: path.read_bytes()
            for path in (self.world.folder / "hsm" / ESN / "making").iterdir()
        }
        return (
            files,
            list(self.store._spent),
            self.store.ledger(0, 100),
            set(self.store._awaited),
            cards,
            making,
        )


@pytest.fixture
def bench(world: RepeatableRig) -> Iterator[Bench]:
    """Signed by OURS."""
    return Bench(world)


Request = Callable[[Bench], Any]
MAKING: dict[str, Request] = {
    "generate": lambda _bench: generate(),
    "generate with a label": lambda _bench: generate(label="another"),
    "replace": lambda _bench: generate(label=LABEL, replace=True),
    "resume": lambda _bench: m.ResumeLms(label=LABEL),
    "provision": lambda _bench: m.ProvisionLms(slot=SLOT),
}
USING: dict[str, Request] = {
    "sign": lambda bench: sign(bench.key.file),
    "sign again": lambda bench: bench.used,
    "reserve": lambda bench: m.NvmemfileReserve(file=bench.key.file, token=new_token()),
    "reserve again": lambda bench: bench.reserved,
    "sign a digest again": lambda bench: bench.bound,
    "provision": lambda _bench: m.ProvisionLms(slot=SLOT),
    "destroy": lambda bench: m.DestroyLms(public_key=bench.key.public_key),
}
LOOKING: dict[str, Request] = {
    "info": lambda bench: m.GetNvmemfileInfo(file=bench.key.file),
    "list": lambda _bench: m.ListNvmemfiles(),
    "slots": lambda _bench: m.ListSlots(),
    "ledger": lambda _bench: m.ReadLedger(after=0, most=10),
    "quarantine": lambda _bench: m.ListQuarantine(after=0),
    "load": lambda bench: bench.key.load(),
}


def refused(bench: Bench, session: Session, request: Any, status: Status) -> StatusError:
    """The refusal, after which all is as it was."""
    before = bench.state()
    refusal = answer(session, request)
    assert isinstance(refusal, StatusError), refusal
    assert refusal.status is status
    assert bench.state() == before
    assert not session.generations
    return refusal


@pytest.mark.parametrize("what", MAKING)
def test_a_machine_without_delegation_makes_no_file(bench: Bench, what: str) -> None:
    """Nor takes a lease, nor goes on with a key (guide 2.5.1 step 4)."""
    session = bench.session(signer=OURS, delegated=False)
    assert (
        "has no NVRAM delegation"
        in refused(bench, session, MAKING[what](bench), Status.AccessDenied).detail
    )
    assert not isinstance(answer(bench.session(signer=OURS), MAKING[what](bench)), StatusError)


@pytest.mark.parametrize("what", [*USING, *LOOKING])
def test_a_machine_without_delegation_uses_what_is_there(bench: Bench, what: str) -> None:
    """Files that it has it may use."""
    if what != "provision":
        ask(bench.session(signer=OURS, delegated=False), (USING | LOOKING)[what](bench))


@pytest.mark.parametrize("signer", [THEIRS, b""], ids=["another", "none"])
@pytest.mark.parametrize("what", USING)
def test_a_stranger_uses_no_key(bench: Bench, what: str, signer: bytes) -> None:
    """Neither in NVRAM nor on a card, also not for what was signed before (guide 2.9.2)."""
    refusal = refused(bench, bench.session(signer=signer), USING[what](bench), Status.AccessDenied)
    assert f"belongs to SEE machines signed by {OURS.hex()}" in refusal.detail


@pytest.mark.parametrize("what", ["sign again", "reserve again", "sign a digest again"])
def test_a_stranger_gets_nothing_of_a_used_up_file(bench: Bench, what: str) -> None:
    """What is kept of it for orders that come again is not for another SEE machine either."""
    session = bench.session(signer=OURS)
    for _ in range(30):
        ask(session, sign(bench.key.file))
    assert bench.store.get(bench.key.file) is None
    refused(bench, bench.session(signer=THEIRS), USING[what](bench), Status.AccessDenied)
    ask(session, USING[what](bench))


def test_a_stranger_brings_no_digest(bench: Bench) -> None:
    """The leaf that was set aside for one still waits for it."""
    session, token = bench.session(signer=OURS), new_token()
    digest = bench.digest(ask(session, m.NvmemfileReserve(file=bench.key.file, token=token)), token)
    refused(bench, bench.session(signer=THEIRS), digest, Status.AccessDenied)
    assert ask(session, digest).leaf == 2


@pytest.mark.parametrize("what", LOOKING)
def test_a_stranger_may_look(bench: Bench, what: str) -> None:
    """A listing gives no leaf away."""
    before = bench.state()
    ask(bench.session(signer=THEIRS), LOOKING[what](bench))
    assert bench.state() == before


@pytest.mark.parametrize(
    "settings", [{"signer": OURS}, {"signer": THEIRS, "extra_signers": frozenset({EXTRA, OURS})}]
)
@pytest.mark.parametrize("what", USING)
def test_whose_keys_they_are_uses_them(bench: Bench, what: str, settings: dict[str, Any]) -> None:
    """The signer, and who signed with it."""
    ask(bench.session(**settings), USING[what](bench))


@pytest.mark.parametrize(
    ("settings", "foreign"),
    [
        ({"signer": OURS}, False),
        ({"signer": THEIRS, "extra_signers": frozenset({OURS})}, False),
        ({"signer": THEIRS}, True),
        ({}, True),
    ],
)
def test_who_looks_is_told_what_gives_no_leaf(
    bench: Bench, settings: dict[str, Any], foreign: bool
) -> None:
    """A file is said to be foreign to a SEE machine that refuses to sign with it."""
    session = bench.session(**settings)
    assert ask(session, m.GetNvmemfileInfo(file=bench.key.file)).foreign is foreign
    assert [file.foreign for file in ask(session, m.ListNvmemfiles()).files] == [foreign]
    assert isinstance(answer(session, sign(bench.key.file)), StatusError) is foreign


@pytest.mark.parametrize("what", USING)
def test_keys_of_nobody_are_everybodys(world: RepeatableRig, what: str) -> None:
    """What a SEE machine without a signer made."""
    bench = Bench(world, signer=b"")
    ask(bench.session(signer=THEIRS), USING[what](bench))


@pytest.mark.parametrize(
    "what", ["sign", "sign again", "reserve", "reserve again", "sign a digest again"]
)
def test_a_file_in_quarantine_gives_nothing(bench: Bench, what: str) -> None:
    """Also not what it gave before."""
    bench.store.quarantine(bench.key.file, "why")
    refusal = refused(bench, bench.session(signer=OURS), USING[what](bench), Status.AccessDenied)
    assert "is in quarantine: why" in refusal.detail


def test_a_digest_for_a_leaf_in_quarantine(bench: Bench) -> None:
    """A leaf that was set aside before is not signed with, and still waits when the quarantine ends
    at a later leaf.
    """
    session, token = bench.session(signer=OURS), new_token()
    digest = bench.digest(ask(session, m.NvmemfileReserve(file=bench.key.file, token=token)), token)
    bench.store.quarantine(bench.key.file, "why")
    refused(bench, session, digest, Status.AccessDenied)
    assert ask(session, m.SkipQuarantined(file=bench.key.file, leaf=10)).remaining == 22
    assert ask(session, digest).leaf == 2


NOT_IN_QUARANTINE: dict[str, Request] = {
    "burn": lambda bench: m.BurnQuarantined(file=bench.key.file, label=""),
    "burn no file": lambda _bench: m.BurnQuarantined(file=b"lmsnosuchke", label=""),
    "burn a half-made key": lambda _bench: m.BurnQuarantined(file=b"", label=LABEL),
    "skip": lambda bench: m.SkipQuarantined(file=bench.key.file, leaf=10),
    "skip no file": lambda _bench: m.SkipQuarantined(file=b"lmsnosuchke", leaf=10),
}


@pytest.mark.parametrize("what", NOT_IN_QUARANTINE)
def test_what_is_not_in_quarantine_stays(bench: Bench, what: str) -> None:
    """Nobody destroys good leaves by the way out of a quarantine."""
    refused(bench, bench.session(signer=OURS), NOT_IN_QUARANTINE[what](bench), Status.UnknownID)


@pytest.mark.parametrize("field", ["path", "end"])
def test_a_lease_that_does_not_fit_stays_on_its_card(bench: Bench, field: str) -> None:
    """It is refused before it is taken off."""
    slots = bench.session().machine.slots
    card = slots.occupant(SLOT)
    assert card is not None
    lease = read_card(card).leases[0]
    bad = (
        replace(lease, path=lease.path * 2) if field == "path" else replace(lease, first=32, end=48)
    )
    bench.world.feed_blank()
    slots.write_leases(SLOT, (bad,))
    refused(bench, bench.session(signer=OURS), m.ProvisionLms(slot=SLOT), Status.Malformed)

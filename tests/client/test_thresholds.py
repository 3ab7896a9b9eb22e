"""thresholds.py and signing.py: the last signatures of a lease need a reason, whichever client asks
and whichever machine signs.
"""

from dataclasses import replace

import pytest
from client.ports import serving
from kit.here import store
from kit.refusals import refusal
from kit.services import make_machine
from kit.stories import a_peer, a_roster, play
from kit.verdicts import verifies
from seeclient import Status, StatusError, operations
from seeclient.algorithms.lms import persisting, provisioning, signing
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Pause
from seeclient.message import Message
from seeclient.signing_options import SigningOptions

from seemachine.commands import answer
from seemachine.machine import Session
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.world import World

CHEAP = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w4"}
LEAVES = 32
WHY = "last release of the line"
PUBLIC_KEY = bytes.fromhex("0000000500000003") + bytes(48)
FILE = nvram_name(PUBLIC_KEY)
ASK_INFO = m.GetNvmemfileInfo(file=FILE)
SIGNED = m.NvmemfileSigned(signature=b"\0\0\0\7signature", leaf=7, remaining=24)
LOW = StatusError(Status.UseLimitExceeded, "few are left", "nvmemfile_sign")
NEEDLESS = StatusError(Status.InvalidParameter, "there is nothing to acknowledge", "nvmemfile_sign")
GONE = StatusError(Status.NotAvailable, "no NVRAM file", "nvmemfile_sign")
BROKEN = StatusError(Status.OSErrorErrno, "connection: broken", "dispatch_socket_connect")
BAD_REASONS = ["", " ", "\t", "a\nb", "\x1b[31m", "a\u202eb", "x" * 201]


@pytest.fixture
def key():
    """A key file of the key that the machines of the stories know."""
    return LmsKeyFile("release", PUBLIC_KEY, 0, 1, 0, b"")


def info(**changes):
    """What a machine says of the file."""
    told = {"first": 0, "next": 0, "end": 32, "loaded": True, "quarantined": False}
    return m.NvmemfileInfo(file=FILE, public_key=PUBLIC_KEY, **told | changes)


def request(why=""):
    """The request for a signature, its token left out."""
    return m.NvmemfileSign(file=FILE, token=bytes(16), message=b"message", acknowledge=why)


def story(roster, key, why=None):
    """The story of a signature."""
    return signing.sign(roster, key, Message(b"message"), SigningOptions(acknowledge=why))


# ---------------------------------------------------------------- stories


def test_the_next_machine_may_have_more_left(key):
    """A machine at its threshold is passed over, without a reason and without a leaf."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    steps = (
        (([first, second], ASK_INFO), [info(), info()]),
        ((first, request()), LOW),
        ((second, request()), SIGNED),
    )
    assert play(story(a_roster(first, second), key), *steps).esn == OTHER_ESN


@pytest.mark.parametrize("other", [LOW, GONE, BROKEN])
@pytest.mark.parametrize("low_first", [True, False])
def test_when_nobody_has_more_the_threshold_speaks(key, other, low_first, monkeypatch):
    """Of several refusals the one that a person can do something about is told, whoever was asked
    first.
    """
    monkeypatch.setattr(persisting, "RETRY_PAUSES", ())
    peers = [a_peer(ESN), a_peer(OTHER_ESN, 2)]
    outcomes = [LOW, other] if low_first else [other, LOW]
    asked = [((peer, request()), outcome) for peer, outcome in zip(peers, outcomes, strict=True)]
    steps = [((peers, ASK_INFO), [info(), info()]), *asked]
    assert (
        refusal(lambda: play(story(a_roster(*peers), key), *steps)).status
        is Status.UseLimitExceeded
    )


def test_the_reason_goes_with_the_request(key):
    """As it was given, without the blanks around it."""
    first = a_peer(ESN)
    steps = (([first], ASK_INFO), [info()]), ((first, request(WHY)), SIGNED)
    assert play(story(a_roster(first), key, f"  {WHY} "), *steps).leaf == 7


def test_a_needless_reason_is_told_at_once(key):
    """No other machine is asked: the caller leaves it out."""
    first, second = a_peer(ESN), a_peer(OTHER_ESN, 2)
    steps = [(([first, second], ASK_INFO), [info(), info()]), ((first, request(WHY)), NEEDLESS)]
    assert refusal(lambda: play(story(a_roster(first, second), key, WHY), *steps)) is NEEDLESS


def test_a_lost_reply_is_asked_for_with_the_same_reason(key, monkeypatch):
    """The same request, word for word."""
    monkeypatch.setattr(persisting, "RETRY_PAUSES", (0.05,))
    first = a_peer(ESN)
    asked = (
        ((first, request(WHY)), BROKEN),
        (Pause(0.05), None),
        ((first, request(WHY)), SIGNED),
    )
    assert play(story(a_roster(first), key, WHY), (([first], ASK_INFO), [info()]), *asked).leaf == 7


@pytest.mark.parametrize("why", BAD_REASONS)
def test_a_reason_that_says_nothing(key, why):
    """Blank, unprintable or too long: refused before anybody is asked."""
    refused = refusal(lambda: play(story(a_roster(a_peer()), key, why)))
    assert refused.status is Status.InvalidParameter
    assert "1 to 200 printable characters" in refused.detail


def test_a_threshold_is_set_on_all_machines_first(key):
    """On each that holds leaves, then in the key file; a machine whose last leaf is taken meanwhile
    is not a hindrance.
    """
    peers = [a_peer(ESN), a_peer(OTHER_ESN, 2)]
    setting = m.WarnNvmemfile(file=FILE, warnat=5)
    for replies in ([info(warnat=5), info(warnat=5)], [GONE, info(warnat=5)]):
        steps = ((peers, ASK_INFO), [info(), info()]), ((peers, setting), replies)
        assert play(operations.warn_at(a_roster(*peers), key, 5), *steps) == replace(key, warnat=5)
        assert store().load("release").warnat == 5


def test_a_threshold_that_a_machine_refuses(key):
    """The refusal is told, and the key file stays as it was."""
    store().save(key)
    peers = [a_peer(ESN), a_peer(OTHER_ESN, 2)]
    steps = [
        ((peers, ASK_INFO), [info(), info()]),
        ((peers, m.WarnNvmemfile(file=FILE, warnat=0)), [info(), LOW]),
    ]
    assert refusal(lambda: play(operations.warn_at(a_roster(*peers), key, 0), *steps)) is LOW
    assert store().load("release") == key


@pytest.mark.parametrize("count", [-1, (1 << 25) + 1])
def test_a_threshold_that_is_none(key, count):
    """Refused before anybody is asked."""
    refused = refusal(lambda: play(operations.warn_at(a_roster(a_peer()), key, count)))
    assert refused.status is Status.InvalidParameter


@pytest.mark.parametrize(
    ("on_card", "in_file", "asked"),
    [(0, 0, False), (0, 3, True), (3, 0, False), (3, 3, False), (2, 3, True)],
)
def test_a_provisioned_lease_comes_up_to_its_key(key, on_card, in_file, asked):
    """A card written before its key got a threshold has a lower one: it is raised on the machine,
    and never lowered.
    """
    store().save(replace(key, warnat=in_file))
    peer = a_peer(ESN)
    moved = m.LmsProvisioned(
        file=FILE, public_key=PUBLIC_KEY, first=0, end=16, leases=1, warnat=on_card
    )
    steps = [((peer, m.ProvisionLms(slot=2)), moved)]
    for outcome, expected in ((info(warnat=in_file), (in_file, None)), (LOW, (on_card, LOW))):
        setting = [((peer, m.WarnNvmemfile(file=FILE, warnat=in_file)), outcome)] if asked else []
        done = play(provisioning.provision(a_roster(peer), ESN, 2), *steps, *setting)
        assert (done.warnat, done.threshold_refusal) == (expected if asked else (on_card, None))


# ---------------------------------------------------------------- both clients, real machines


@pytest.fixture
async def machine(home, nursery, monkeypatch):
    """A machine on a port, in the environment as the whole fleet."""
    made = make_machine(home)
    async with serving(made) as port:
        monkeypatch.setenv("SEEMACHINE_FLEET", port.text)
        yield made


def ledger(machine):
    """The rows of a machine's ledger."""
    return answer(Session(machine), m.ReadLedger(after=0, most=100)).entries


async def refused_with(awaited):
    """The status that a call is refused with."""
    with pytest.raises(StatusError) as refused:
        await awaited
    return refused.value.status


async def test_the_exact_signature(machine, open_fleet):
    """The last but two needs none, the last two do; both halves of a large message count as one,
    and the ledger has the reasons.
    """
    async with open_fleet() as fleet:
        key = await fleet.generate_lms("release", **CHEAP, warnat=2)
        assert key.file.warnat == 2
        for leaf in range(LEAVES - 2):
            assert await refused_with(key.sign(b"m", acknowledge=WHY)) is Status.InvalidParameter
            assert (await key.sign_with(b"m")).leaf == leaf
        for message, why in ((b"small", WHY), (bytes(2 << 20), "really")):
            assert await refused_with(key.sign(message)) is Status.UseLimitExceeded
            signed = await key.sign_with(message, acknowledge=why)
            assert verifies(key.public_key, signed.signature, message)
        assert await refused_with(key.sign(b"m", acknowledge=WHY)) is Status.NotAvailable

    assert [row.leaf for row in ledger(machine)] == list(range(LEAVES))
    assert [row.reason for row in ledger(machine)][-3:] == ["", WHY, "really"]


async def test_a_threshold_for_a_key_that_has_none(machine, open_fleet):
    """Set later, it holds at once, for every client of the machine; it is in the key file, and in
    what the machine tells.
    """
    async with open_fleet() as fleet:
        key = await fleet.generate_lms("release", **CHEAP)
        await key.sign(b"m")
        await key.warn_at(LEAVES)
        assert key.file.warnat == store().load("release").warnat == LEAVES
        assert [view.warnat for view in (await key.info()).machines] == [LEAVES]
    # Another host has the key file from before.
    store().save(replace(store().load("release"), warnat=0))
    async with open_fleet() as fleet:
        key = fleet.key("release")
        assert await refused_with(key.sign(b"m")) is Status.UseLimitExceeded
        assert await refused_with(key.warn_at(0)) is Status.UseLimitExceeded
        assert (await key.sign_with(b"m", acknowledge=WHY)).leaf == 1


async def test_leases_of_two_machines(home, nursery, open_fleet):
    """While one machine has more left than the threshold nobody is asked; when both are down to it,
    each signature needs a reason.
    """
    rack = Rack(World.at(home))
    for esn in (ESN, OTHER_ESN):
        (home / "hsm" / esn).mkdir(parents=True)
    other = {"esn": OTHER_ESN, "slots": Slots(World.at(home), OTHER_ESN)}
    machines = [make_machine(home), replace(make_machine(home), **other)]
    async with (
        serving(machines[0]) as first,
        serving(machines[1]) as second,
        open_fleet(f"{first.text},{second.text}") as fleet,
    ):
        rack.insert(rack.new()[0], ESN, 2)
        key = await fleet.generate_lms("leased", **CHEAP, explease=3, warnat=1, esn=ESN)
        assert (await fleet.provision(ESN, 2)).warnat == 1
        [card] = [found.card for found in rack.listing() if found.esn == ESN]
        rack.remove(ESN, 2)
        rack.insert(card, OTHER_ESN, 2)
        await fleet.provision(OTHER_ESN, 2)
        signed = [await key.sign_with(b"%d" % number) for number in range(6)]
        assert await refused_with(key.sign(b"m")) is Status.UseLimitExceeded
        signed += [await key.sign_with(b"m", acknowledge=WHY) for _ in range(2)]
        assert await refused_with(key.sign(b"m")) is Status.NotAvailable

    assert [each.esn for each in signed].count(ESN) == 4
    assert sorted(each.leaf for each in signed) == list(range(8))
    assert [row.reason for one in machines for row in ledger(one)].count(WHY) == 2


@pytest.mark.parametrize("why", BAD_REASONS)
async def test_reasons_that_say_nothing_are_refused(machine, open_fleet, why):
    """By either client, and no leaf is taken."""
    async with open_fleet() as fleet:
        key = await fleet.generate_lms("release", **CHEAP, warnat=LEAVES)
        assert await refused_with(key.sign(b"m", acknowledge=why)) is Status.InvalidParameter
        assert (await key.info()).remaining == LEAVES

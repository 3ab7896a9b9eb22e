"""The threshold of a key from generateLMS over cards to the refusal of a signature, and the reasons
in the ledger.
"""

from dataclasses import replace

import pytest
from kit.commands import (
    CHEAP,
    LEAVES,
    SLOT,
    ask,
    digest_for,
    generate,
    hash_key,
    make_key_on_cards,
    refuse,
    sign,
)
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import OTHER_ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

WHY = "last release of the line"
TOKEN = b"1" * 16


def reasons(session):
    """The reason of each row of the ledger."""
    return [entry.reason for entry in ask(session, m.ReadLedger(after=0, most=100)).entries]


def info(session, key):
    """What the machine says of the key's file."""
    return ask(session, m.GetNvmemfileInfo(file=key.file))


def test_a_singular_key(session):
    """The last two leaves of 32 want a reason; what is refused says how many are left, and takes
    no leaf.
    """
    key = hash_key(session, warnat=2)
    for leaf in range(LEAVES - 2):
        assert ask(session, sign(key.file)).leaf == leaf
    refused = refuse(session, sign(key.file))
    assert refused.status is Status.UseLimitExceeded
    assert refused.detail.endswith(
        "has 2 signatures left, and each of its last 2 needs an acknowledgement in nvmemfile_sign"
    )
    assert info(session, key).next == LEAVES - 2
    signed = ask(session, replace(sign(key.file), acknowledge=WHY))

    assert (signed.leaf, signed.remaining) == (LEAVES - 2, 1)
    assert verifies(key.public_key, signed.signature)
    assert reasons(session) == [""] * (LEAVES - 2) + [WHY]


def test_a_reason_for_nothing(session):
    """Above the threshold, and without one, a reason is refused: given always, it would be none
    when it is needed.
    """
    for warnat, text in ((2, "only each of its last 2"), (0, "it has no threshold")):
        key = hash_key(session, warnat=warnat)
        refused = refuse(session, replace(sign(key.file), acknowledge=WHY))
        assert refused.status is Status.InvalidParameter
        assert text in refused.detail
        assert refused.detail.endswith("; leave the acknowledgement out")
        assert info(session, key).next == 0


def test_the_same_request_again(session):
    """With the reason, without it, or with another: the same bytes, and one row with the first
    reason.
    """
    key = hash_key(session, warnat=LEAVES)
    request = replace(sign(key.file), acknowledge=WHY)
    signatures = {
        ask(session, replace(request, acknowledge=why)).signature for why in (WHY, "", "another")
    }

    assert len(signatures) == 1
    assert reasons(session) == [WHY]


def test_a_large_message(session):
    """The reservation takes the reason, the digest needs none; the row keeps it."""
    key = hash_key(session, warnat=LEAVES)
    refused = refuse(session, m.NvmemfileReserve(file=key.file, token=TOKEN))
    assert refused.status is Status.UseLimitExceeded
    reserved = ask(session, m.NvmemfileReserve(file=key.file, token=TOKEN, acknowledge=WHY))
    signed = ask(
        session,
        m.NvmemfileSignDigest(
            file=key.file, token=TOKEN, digest=digest_for(key.public_key, reserved)
        ),
    )

    assert verifies(key.public_key, signed.signature)
    assert reasons(session) == [WHY]


def test_each_lease_brings_it_along(world, session):
    """Made with a threshold, a key has it on its cards, in every machine that gets a lease, whoever
    provisions.
    """
    key = make_key_on_cards(world, session, CHEAP, 0, 2, warnat=1)
    other = Session(world.machine(OTHER_ESN))
    for machine in (session, other):
        world.move(key.cards[0], machine.machine.esn)
        moved = ask(machine, m.ProvisionLms(slot=SLOT))
        assert (moved.end - moved.first, moved.warnat) == (8, 1)
        assert info(machine, key).warnat == 1
        for _ in range(7):
            ask(machine, sign(key.file))
        assert refuse(machine, sign(key.file)).status is Status.UseLimitExceeded
    world.move(key.cards[0], session.machine.esn)
    assert ask(session, replace(sign(key.file), acknowledge=WHY)).remaining == 0
    ask(session, m.ProvisionLms(slot=SLOT))

    assert ask(session, sign(key.file)).leaf == 16


def test_a_resumed_key(world, tmp_path):
    """A half-made key keeps its threshold on disk; who resumes it is told, and its lease has it."""
    folder = tmp_path / "hsm" / "7852-268D-3BF9"
    folder.mkdir(parents=True)
    first = Session(world.machine(checkpoints=FolderCheckpoints(folder)))
    started = ask(first, generate(expchunk=3, label="release", warnat=5))
    ask(first, m.ContinueLms(handle=started.handle))
    later = Session(world.machine(checkpoints=FolderCheckpoints(folder)))
    resumed = ask(later, m.ResumeLms(label="release"))
    assert resumed.warnat == 5
    while ask(later, m.ContinueLms(handle=resumed.handle)).public_key is None:
        pass

    assert [file.warnat for file in ask(later, m.ListNvmemfiles()).files] == [5]


def test_a_half_made_key_from_before(world, tmp_path):
    """What was begun without a threshold in its head has none; a number that is none is damage."""
    folder = tmp_path / "hsm" / "7852-268D-3BF9"
    folder.mkdir(parents=True)
    checkpoints = FolderCheckpoints(folder)
    first = Session(world.machine(checkpoints=checkpoints))
    started = ask(first, generate(expchunk=3, label="release", warnat=5))
    ask(first, m.ContinueLms(handle=started.handle))
    head = checkpoints.head("release")
    del head["warnat"]
    checkpoints.rewrite("release", head)
    assert (
        ask(Session(world.machine(checkpoints=checkpoints)), m.ResumeLms(label="release")).warnat
        == 0
    )
    checkpoints.rewrite("release", head | {"warnat": -1})

    assert (
        refuse(Session(world.machine(checkpoints=checkpoints)), m.ResumeLms(label="release")).status
        is Status.Malformed
    )


class TestWarn:
    """nvmemfile_warn."""

    def test_it_holds_at_once(self, session):
        """The reply describes the file with its new threshold; the next signature is
        judged by it.
        """
        key = hash_key(session)
        described = ask(session, m.WarnNvmemfile(file=key.file, warnat=LEAVES))
        assert described == info(session, key)
        assert described.warnat == LEAVES
        assert refuse(session, sign(key.file)).status is Status.UseLimitExceeded

    def test_it_can_not_end_a_warning(self, session):
        """While each signature needs a reason, the number can't be lowered instead; it can be
        raised.
        """
        key = hash_key(session, warnat=LEAVES)
        for warnat in (LEAVES - 1, 0):
            refused = refuse(session, m.WarnNvmemfile(file=key.file, warnat=warnat))
            assert refused.status is Status.UseLimitExceeded
            assert "acknowledge each signature instead" in refused.detail
        assert ask(session, m.WarnNvmemfile(file=key.file, warnat=LEAVES + 1)).warnat == LEAVES + 1

    def test_of_no_file(self, session):
        """NotAvailable, as for every file that is not there."""
        assert (
            refuse(session, m.WarnNvmemfile(file=b"lms" + bytes(8), warnat=1)).status
            is Status.NotAvailable
        )

    def test_of_another_signer(self, session):
        """A machine of another signer does not change the file."""
        key = hash_key(session)
        file = session.machine.store.get(key.file)
        session.machine.store._files[key.file] = replace(
            file, lease=replace(file.lease, signer=b"other")
        )

        assert (
            refuse(session, m.WarnNvmemfile(file=key.file, warnat=1)).status is Status.AccessDenied
        )


@pytest.mark.parametrize("warnat", [0, 1, LEAVES])
def test_new_tokens_never_meet(session, warnat):
    """With any threshold the leaves of a key are handed out once each, refusals in
    between or not.
    """
    key, leaves = hash_key(session, warnat=warnat), []
    for number in range(LEAVES):
        why = WHY if LEAVES - number <= warnat else ""
        refuse(session, replace(sign(key.file, token=new_token()), acknowledge="" if why else WHY))
        leaves.append(ask(session, replace(sign(key.file), acknowledge=why)).leaf)

    assert leaves == list(range(LEAVES))

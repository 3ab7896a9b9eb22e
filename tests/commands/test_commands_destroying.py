"""destroyLMS: nothing on a machine signs with the key any more."""

import threading
from pathlib import Path

import pytest
from kit.commands import (
    LEAVES,
    SLOT,
    RepeatableRig,
    ask,
    generate,
    hash_key,
    make_key_on_cards,
    refuse,
    sign,
)
from seeclient.algorithms.lms.signing import new_token

from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.records import StoredLease
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

PATIENCE = 20


@pytest.fixture
def session(world: RepeatableRig, tmp_path: Path) -> Session:
    """A connection to a machine that keeps half-made keys."""
    return Session(world.machine(checkpoints=FolderCheckpoints(tmp_path / "hsm" / ESN)))


def test_what_is_in_nvram(session: Session) -> None:
    """Its file is gone, and another key's is not; once more finds nothing."""
    key, other = hash_key(session), hash_key(session)
    ask(session, sign(key.file))
    rows = ask(session, m.ReadLedger(after=0, most=9))
    destroy = m.DestroyLms(public_key=key.public_key)
    assert ask(session, destroy) == m.LmsDestroyed(lost=LEAVES - 1, half_made=False)
    assert ask(session, destroy) == m.LmsDestroyed(lost=0, half_made=False)
    assert [file.file for file in ask(session, m.ListNvmemfiles()).files] == [other.file]
    assert refuse(session, sign(key.file)).status is Status.NotAvailable
    assert ask(session, m.ReadLedger(after=0, most=9)) == rows


def test_what_was_signed_is_not_signed_again(session: Session) -> None:
    """Neither by the same token, nor with a digest for a leaf that waits for it."""
    key, token = hash_key(session), new_token()
    asked, waits = sign(key.file, token=token), new_token()
    ask(session, asked)
    ask(session, m.NvmemfileReserve(file=key.file, token=waits))
    ask(session, m.DestroyLms(public_key=key.public_key))
    assert refuse(session, asked).status is Status.UseLimitExceeded
    bring = m.NvmemfileSignDigest(file=key.file, token=waits, digest=bytes(24))
    refused = refuse(session, bring).status
    assert refused in (Status.UseLimitExceeded, Status.NotAvailable)


@pytest.mark.parametrize("connected", [True, False])
def test_what_is_half_made(session: Session, connected: bool) -> None:
    """A key that waits for its cards can write none any more, whoever makes it; another key under
    a label of its own stays.
    """
    key = hash_key(session, expcards=1, label="cards")
    hash_key(session, expcards=1, label="others")
    other = Session(session.machine)
    if not connected:
        session.close()
    destroyed = ask(other, m.DestroyLms(public_key=key.public_key))
    assert destroyed == m.LmsDestroyed(lost=0, half_made=True)
    assert refuse(other, m.ResumeLms(label="cards")).status is Status.UnknownID
    write = m.ContinueLmsCard(handle=key.handle, slot=SLOT)
    assert refuse(session, write).status is Status.UnknownID
    assert session.machine.checkpoints.labels() == ["others"]


def test_what_is_half_made_in_memory_alone(world: RepeatableRig) -> None:
    """On a machine that keeps no half-made keys, too."""
    session = Session(world.machine())
    key = hash_key(session, expcards=1, label="cards")
    assert ask(session, m.DestroyLms(public_key=key.public_key)).half_made is True
    assert session.machine.making == {}


def test_what_is_half_made_stays_where_a_file_is_anothers(session: Session) -> None:
    """The file is of another signer's SEE machines: it is refused before anything is changed."""
    key = hash_key(session, expcards=1, label="cards")
    lease = StoredLease(key.public_key, 0, 8, bytes(24), bytes(48), b"another signer".ljust(20))
    session.machine.store.install(lease)
    refused = refuse(session, m.DestroyLms(public_key=key.public_key))
    assert refused.status is Status.AccessDenied
    assert session.machine.checkpoints.labels() == ["cards"]
    assert session.machine.store.names() == [key.file]


def test_a_label_is_not_a_key(session: Session) -> None:
    """Another host may make a key of its own under the alias: that one goes on."""
    key = hash_key(session)
    begun = ask(session, generate(label="release", expchunk=3))
    ask(session, m.ContinueLms(handle=begun.handle))
    assert ask(session, m.DestroyLms(public_key=key.public_key)).half_made is False
    assert ask(session, m.ContinueLms(handle=begun.handle)).remaining > 0


def test_a_damaged_checkpoint_of_another_key_is_no_hindrance(
    session: Session, tmp_path: Path
) -> None:
    """It can't be gone on with anyway."""
    key = hash_key(session)
    ask(session, m.ContinueLms(handle=ask(session, generate(label="big", expchunk=3)).handle))
    session.close()
    [path] = (tmp_path / "hsm" / ESN / "making").glob("*.key")
    path.write_bytes(b"scratched")
    again = Session(session.machine)
    assert ask(again, m.DestroyLms(public_key=key.public_key)).lost == LEAVES


def test_a_step_that_is_under_way_is_waited_for(session: Session) -> None:
    """Else its end would put the lease into NVRAM after that was looked through."""
    key = hash_key(session, expcards=1, label="cards")
    [pending] = session.machine.making.values()
    replies: list[m.LmsDestroyed] = []
    destroy = m.DestroyLms(public_key=key.public_key)
    thread = threading.Thread(
        target=lambda: replies.append(ask(Session(session.machine), destroy)), daemon=True
    )
    with pending.lock:
        thread.start()
        thread.join(0.2)
        assert not replies
    thread.join(PATIENCE)
    assert [reply.half_made for reply in replies] == [True]


def test_a_card_is_provisioned_again(world: RepeatableRig, session: Session) -> None:
    """Cards are nobody's but who holds them: the page says so."""
    key = make_key_on_cards(world, session, expcards=0, explease=1)
    ask(session, m.ProvisionLms(slot=SLOT))
    assert ask(session, m.DestroyLms(public_key=key.public_key)).lost == LEAVES // 2
    assert ask(session, m.ProvisionLms(slot=SLOT)).first == LEAVES // 2


def test_no_key_is_refused(session: Session) -> None:
    """With a sentence about what was given."""
    refused = refuse(session, m.DestroyLms(public_key=bytes(56)))
    assert refused.status is Status.InvalidParameter

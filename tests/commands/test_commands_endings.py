"""A connection that ends: what it made is on disk alone, and what others took
over stays theirs.
"""

import errno
from pathlib import Path

import pytest
from kit.commands import RepeatableRig, ask, generate, refuse

from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status


@pytest.fixture
def session(world: RepeatableRig, tmp_path: Path) -> Session:
    """A connection to a machine that keeps half-made keys."""
    return Session(world.machine(checkpoints=FolderCheckpoints(tmp_path / "hsm" / ESN)))


def test_nobody_makes_its_keys(session: Session) -> None:
    """No lock is held, no key is in the making, and a step that comes late is refused."""
    handle = ask(session, generate(label="big", expchunk=3)).handle
    pending = session.machine.making["big"]
    session.close()
    assert session.machine.making == session.generations == {}
    assert pending.orphaned
    assert not pending.lock.locked()
    assert refuse(session, m.ContinueLms(handle=handle)).status is Status.UnknownID
    session.generations[handle] = pending
    assert refuse(session, m.ContinueLms(handle=handle)).status is Status.UnknownID


def test_what_it_would_lose(session: Session) -> None:
    """A connection that makes a key, or that loads a tree, is not the first one to be closed."""
    assert not session.holding
    session.loading += b"nodes"
    assert session.holding
    session.loading.clear()
    ask(session, generate(label="big", expchunk=3))
    assert session.holding


def test_what_another_took_over_goes_on(session: Session) -> None:
    """Also when the one that had it ends only then."""
    ask(session, m.ContinueLms(handle=ask(session, generate(label="big", expchunk=3)).handle))
    other = Session(session.machine)
    handle = ask(other, m.ResumeLms(label="big")).handle
    session.close()
    assert list(session.machine.making) == ["big"]
    assert ask(other, m.ContinueLms(handle=handle)).remaining > 0


def test_nothing_begins_after_its_end(session: Session) -> None:
    """A request that comes late to its thread claims no key."""
    session.close()
    assert refuse(session, generate(label="big")).status is Status.TimeLimitExceeded
    assert session.machine.making == {}
    assert session.generations == {}


def test_a_chunk_that_was_not_kept_is_done_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On disk there is no gap before the chunks that follow."""
    machine, handle = session.machine, ask(session, generate(label="big", expchunk=3)).handle
    ask(session, m.ContinueLms(handle=handle))

    def fail(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(machine.checkpoints, "append", fail)
        assert refuse(session, m.ContinueLms(handle=handle)).status is Status.OSErrorErrno
    assert ask(session, m.ContinueLms(handle=handle)).remaining == 3
    assert len(machine.checkpoints.load("big", machine.making["big"].generation.row_bytes)) == 2

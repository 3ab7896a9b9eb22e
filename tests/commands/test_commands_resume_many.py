"""How many half-made keys a machine keeps."""

from pathlib import Path

import pytest
from kit.commands import RepeatableRig, ask, generate, refuse

from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status


@pytest.mark.parametrize("kept", [62, 63])
def test_a_machine_keeps_64(world: RepeatableRig, kept: int) -> None:
    """One more is refused, until one is given up."""
    checkpoints = FolderCheckpoints(world.folder / "hsm" / ESN)
    session = Session(world.machine(checkpoints=checkpoints))
    making = Path(world.folder / "hsm" / ESN / "making")
    for number in range(kept):
        checkpoints.rewrite(f"old-{number}", {})
    for number in range(64 - kept):
        handle = ask(session, generate(label=f"new-{number}", expchunk=3)).handle
        ask(session, m.ContinueLms(handle=handle))

    refused = refuse(session, generate(label="one-more", expchunk=3))
    ask(session, m.DiscardLms(label="old-0"))
    ask(session, generate(label="one-more", expchunk=3))

    assert len(list(making.glob("*.key"))) == 63
    assert refused.status is Status.ObjectInUse
    assert "keeps 64 half-made keys" in refused.detail

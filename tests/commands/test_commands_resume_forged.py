"""The head of a half-made key that is sealed in order and yet is none of this version's: refused,
and nothing is made of it.
"""

import pytest
from kit.commands import CHEAP, RepeatableRig, ask, generate, refuse

from seemachine.machine import Session
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

# The tree of these has 2^25 leaves, and a table of all its nodes has 1.5 GiB.
TALL = {"lms": 14, "expchunk": 0}
FORGED = [
    {"identifier": 5},
    {"identifier": b"short"},
    {"identifier": "x" * 16},
    {"seeds": ["x" * 24]},
    {"seeds": [b"x" * 23]},
    {"seeds": [[0] * 24]},
    {"seeds": []},
    {"expchunk": 5.0},
    {"expchunk": True},
    {"expchunk": -1},
    {"expcache": "3"},
    {"expcards": 9},
    {"cards_written": 2},
    {"cards_written": -1},
    {"cards_written": 1 << 63},
    {"lms": "sha256_m24_h5"},
    {"lmots": [7]},
    TALL,
]


@pytest.fixture
def checkpoints(tmp_path):
    """Those of the machine of this test."""
    return FolderCheckpoints(tmp_path / "hsm" / ESN)


@pytest.fixture
def session(tmp_path, checkpoints):
    """A connection to a machine that was started anew, with a half-made key of another connection
    before that.
    """
    before = Session(RepeatableRig(tmp_path).machine(checkpoints=checkpoints))
    started = ask(before, generate(CHEAP, label="a"))
    ask(before, m.ContinueLms(handle=started.handle))
    return Session(RepeatableRig(tmp_path).machine(checkpoints=checkpoints))


@pytest.mark.parametrize("changes", FORGED, ids=str)
def test_a_forged_head_is_refused(session, checkpoints, changes):
    """Malformed, with the label in the sentence; what is on disk stays as it was."""
    head = checkpoints.head("a") | changes
    checkpoints.rewrite("a", head)

    refused = refuse(session, m.ResumeLms(label="a"))

    assert (refused.status, refused.detail.split(":")[0]) == (Status.Malformed, "half-made key a")
    assert checkpoints.head("a") == head


def test_the_head_as_it_was_is_taken(session, checkpoints):
    """Nothing but the changes was refused."""
    checkpoints.rewrite("a", checkpoints.head("a"))

    assert ask(session, m.ResumeLms(label="a")).remaining == 4

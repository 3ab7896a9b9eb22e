"""`sign_many` while replies are lost and machines come and go: whatever happens, results are in
order, and no leaf signs twice.
"""

import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from kit.lossy import REPLY, REQUEST, LossyRig
from kit.verdicts import leaf_of
from seeclient import PartlySigned, StatusError, Unreachable, blocking, verify
from seeclient.algorithms.lms import frames, persisting

from seemachine.testing import ESN, OTHER_ESN

COUNTS = st.integers(1, 12)
LOSSES = st.lists(st.sampled_from([None, REQUEST, REPLY]), max_size=4)
MACHINES = st.sampled_from([ESN, OTHER_ESN])


class Signers(RuleBasedStateMachine):
    """A fleet of two machines with 16 leaves of a key each, and what came out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.patches = [
            patch.object(frames, "MAX_SIGNINGS", 3),
            patch.object(persisting, "RETRY_PAUSES", (0.0, 0.0)),
            patch.dict(os.environ, {"SEEMACHINE_HOME": str(self.home)}),
        ]
        for each in self.patches:
            each.start()
        self.hidden: dict[str, object] = {}
        self.leaves: list[int] = []
        self.unsettled = 0
        self.messages = 0

    @initialize()
    def begin(self) -> None:
        """Both are up."""
        self.rig = LossyRig(self.home)
        for esn in (ESN, OTHER_ESN):
            self.rig.start(esn)
        self.rig.share(tree="sha256_m24_h5")
        self.fleet = self.enter()
        self.key = self.fleet.key("shared")

    def enter(self) -> blocking.Fleet:
        """The fleet, whoever is up."""
        return blocking.Fleet(self.rig.environment, connect=self.rig.connect)

    @rule(count=COUNTS, losses=LOSSES)
    def sign(self, count: int, losses: list[str | None]) -> None:
        """Some messages."""
        texts = [b"message %d" % (self.messages + number) for number in range(count)]
        self.messages += count
        self.rig.losses = list(losses)
        try:
            made: list[bytes | None] = [*self.key.sign_many(texts)]
            causes: list[StatusError] = []
        except PartlySigned as partly:
            made, causes = partly.signatures, list(partly.causes.values())
        except StatusError as refused:
            made, causes = [None] * count, [refused] * count
        assert len(made) == count
        assert made.count(None) == len(causes)
        self.unsettled += sum(isinstance(each, Unreachable) and each.was_asked for each in causes)
        for text, signature in zip(texts, made, strict=True):
            if signature is not None:
                verify(text, signature, self.key.public_key)
                self.leaves.append(leaf_of(signature))

    @rule(esn=MACHINES)
    def hide_or_show(self, esn: str) -> None:
        """A machine is gone for a while."""
        if esn in self.hidden:
            self.rig.machines[esn] = self.hidden.pop(esn)  # type: ignore[assignment]
        else:
            self.hidden[esn] = self.rig.machines.pop(esn)

    @precondition(lambda self: self.hidden)
    @rule()
    def open_anew(self) -> None:
        """Another program, which finds those that are up."""
        self.fleet.close()
        self.fleet = self.enter()
        self.key = self.fleet.key("shared")

    @invariant()
    def no_leaf_signs_twice(self) -> None:
        """Of what was given out."""
        assert len(set(self.leaves)) == len(self.leaves)

    @invariant()
    def no_leaf_is_burned(self) -> None:
        """But for those of requests that nobody knows the end of."""
        if not hasattr(self, "rig"):
            return
        machines = [*self.rig.machines.values(), *self.hidden.values()]
        rows = [row for each in machines for _, row in each.store.ledger(0, 1000)]  # type: ignore[attr-defined]
        assert len({(row.name, row.leaf) for row in rows}) == len(rows)
        assert len(self.leaves) <= len(rows) <= len(self.leaves) + self.unsettled

    def teardown(self) -> None:
        """Nothing stays."""
        for each in self.patches:
            each.stop()
        shutil.rmtree(self.home)


TestSigners = Signers.TestCase
TestSigners.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)

"""loadToken looks at the cards while no hand moves one."""

import fcntl
from pathlib import Path

import pytest
from kit.cardsets import deal_cards
from kit.commands import RepeatableRig, ask

from seemachine.commands import tokens
from seemachine.machine import Session
from seemachine.state.cards import shares
from seemachine.state.cards.cardsets import SetCard
from seemachine.wire import messages as m


def test_cards_are_held_still(
    world: RepeatableRig, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that moves from slot to slot could be seen in both, or in none."""
    monkeypatch.setattr(shares, "ROUNDS", 1)
    ocs = deal_cards(world.world, slots=[3])
    read, looks = tokens.read_set_card, 0

    def read_still(path: Path) -> SetCard | None:
        nonlocal looks
        looks += 1
        with (world.world.cards / "lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return read(path)

    monkeypatch.setattr(tokens, "read_set_card", read_still)
    ask(session, m.LoadToken(cardset=ocs.hash, passphrases=[]))
    assert looks == 1

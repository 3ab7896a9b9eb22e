"""Waiting for a card to come into a slot."""

import time
from collections.abc import Callable

from seeclient import dispatch
from seeclient.effects import Pause, Peer, Story, ask
from seeclient.patience import Patience
from seemachine.wire.messages import Slot, WaitForCard
from seemachine.wire.status import Status, StatusError

BLANK, LMS = "blank", "lms"
# A machine is asked for so long at a time, and then left to others who share the connection.
WAIT_SECONDS = 1
TURN_SECONDS = 0.05


def awaited(
    peer: Peer,
    kind: str,
    slot: int | None,
    patience: Patience,
    on_wait: Callable[[StatusError], None] = lambda _: None,
) -> Story[Slot]:
    """The card of a kind, in a slot or in any, as soon as it is there.

    `on_wait` is called when one has to be waited for, with what the machine says of it. Raises
    StatusError; NotAvailable when patience ends.
    """
    began = time.monotonic()
    seconds = 0
    while True:
        try:
            found = yield from ask(peer, WaitForCard(kind=kind, slot=slot, seconds=seconds))
        except StatusError as refused:
            waited = time.monotonic() - began
            if refused.status is not Status.NotAvailable or not patience(peer, waited):
                raise
            if not seconds:
                on_wait(refused)
        else:
            if found.kind != kind or slot not in (None, found.slot):
                raise dispatch.impossible(peer, "shows another card", WaitForCard.NAME)
            return found
        seconds = WAIT_SECONDS
        yield Pause(TURN_SECONDS)

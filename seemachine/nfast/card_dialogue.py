"""The card dialogue: what the tools print while they wait for the cards of a set and read them
(guide 2.5.1, 2.5.2.3, 2.9.2).
"""

import os
import sys
import time
from collections.abc import Callable

from seemachine.nfast import card_advice, questions, select
from seemachine.nfast.card_slots import Search, presented
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.state.cards import shares
from seemachine.state.cards.cardsets import SetCard
from seemachine.state.errors import CardError, StateCorrupt

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 600.0
# How long tools wait for a card when no terminal is there; the default is not at all.
PATIENCE_VARIABLE = "SEEMACHINE_CARD_SECONDS"


def _alone(passphrase: str) -> None:
    del passphrase


def load(
    search: Search,
    *,
    title: str = "",
    counted: bool = True,
    each: Callable[[str], None] = _alone,
) -> bytes:
    """Read a quorum of cards and return the secret of the set.

    `title` is the first line; `counted` says whether the count of cards read is printed first;
    `each` is called with the passphrase of each card that was read, while that is in its slot.
    Raises Refusal: mode, no card, wrong passphrase.
    """
    select.refuse_mode(search.module)
    reading = _Reading(search, each)
    say(title or f"Loading `{search.cardset.name}':")
    if counted:
        reading.say_count()
    while not reading.complete:
        reading.look()
    say("Card reading complete.")
    say()
    return _joined(search, reading.shares)


class _Reading:
    """The shares that were read so far, and what was said of the slots."""

    def __init__(self, search: Search, each: Callable[[str], None]) -> None:
        self.search, self.shares, self._each = search, dict[int, bytes](), each
        self._seen: dict[int, str] = {}
        self._hinted: dict[int, str] = {}
        self._began = time.monotonic()

    @property
    def complete(self) -> bool:
        return len(self.shares) >= self.search.cardset.quorum

    def say_count(self) -> None:
        """How many cards were read."""
        read = len(self.shares)
        cards = f"{read} card{'s' * (read != 1)} of {self.search.cardset.quorum}"
        say(f"Module {self.search.module.number}: {cards} read")

    def look(self) -> None:
        """Read the next card, or wait a moment for it. Raises Refusal after a while."""
        found = self._next_card()
        if found is not None:
            slot, card = found
            passphrase, self.shares[card.number] = _read(self.search, slot, card)
            self._each(passphrase)
            self._began, self._hinted = time.monotonic(), {}
            if not self.complete:
                self.say_count()
        elif time.monotonic() - self._began >= _patience():
            raise card_advice.missing(self.search, self.shares)
        else:
            self._hinted = card_advice.hint(self.search, self.shares, self._seen, self._hinted)
            time.sleep(LOOK_SECONDS)

    def _next_card(self) -> tuple[int, SetCard] | None:
        """Print what changed in the slots since the last look; then the first slot with a card of
        the set that was not read yet.
        """
        cards = presented(self.search.world, self.search.module)
        useful = [
            (slot, card)
            for slot, (_, card) in cards.items()
            if card and self.search.wanted(slot, card) and card.number not in self.shares
        ]
        first = {slot for slot, _ in useful[:1]}
        # What is about to be read is shown first, as in all of the guide's dialogues.
        for slot in sorted(cards, key=lambda slot: (slot not in first, slot)):
            text = cards[slot][0]
            if self._seen.get(slot) != text:
                self._seen[slot] = text
                say(f"Module {self.search.module.number} slot {slot}: {text}")
        return useful[0] if useful else None


def _read(search: Search, slot: int, card: SetCard) -> tuple[str, bytes]:
    """The passphrase of a card, and the share on it.

    A person who mistyped the passphrase is asked again, until Ctrl-C or Ctrl-D.
    """
    while True:
        try:
            return _opened(search, slot, card)
        except shares.WrongPassphrase:
            refused = Refusal(f"wrong passphrase for {card.label} in slot {slot}")
        if not (card.passphrase and questions.at_terminal()):
            raise refused
        say(f"{refused}; try again", sys.stderr)


def _opened(search: Search, slot: int, card: SetCard) -> tuple[str, bytes]:
    place = f"Module {search.module.number} slot {slot}"
    passphrase = questions.secret(f"{place}: Enter passphrase:") if card.passphrase else ""
    supplied = "passphrase supplied" if card.passphrase else "no passphrase supplied"
    say(f"{place}:- {supplied} - reading card")
    try:
        return passphrase, shares.open_share(card, passphrase.encode())
    except CardError as error:
        raise Refusal(str(error)) from None


def _joined(search: Search, read: dict[int, bytes]) -> bytes:
    try:
        return shares.joined(read, search.cardset.hash, search.cardset.name)
    except StateCorrupt as error:
        raise Refusal(str(error)) from None


def _patience() -> float:
    if questions.at_terminal():
        return PATIENCE_SECONDS
    text = os.environ.get(PATIENCE_VARIABLE, "0")
    return float(text) if text.isascii() and text.isdecimal() else 0.0

"""Thresholds: each of the last so many signatures needs an acknowledgement, which is a reason that
the machine's ledger keeps.
"""

from seeclient import algorithms
from seeclient.effects import Roster, Story
from seeclient.keys import KeyFile
from seemachine.wire.messages import MAX_ACKNOWLEDGEMENT
from seemachine.wire.printable import is_printable
from seemachine.wire.status import Status, StatusError

WHERE = "threshold"


def reason(text: str | None) -> str:
    """An acknowledgement as it travels; empty for None.

    Raises StatusError (InvalidParameter) for one that says nothing.
    """
    if text is None:
        return ""
    said = text.strip()
    if not said or not is_printable(said) or len(said) > MAX_ACKNOWLEDGEMENT:
        size = f"1 to {MAX_ACKNOWLEDGEMENT} printable characters"
        what = f"acknowledge takes a reason of {size}, on one line"
        raise StatusError(Status.InvalidParameter, what, WHERE)
    return said


def warn_at(roster: Roster, key: KeyFile, count: int) -> Story[KeyFile]:
    """Set the threshold of a key, where its algorithm has one, and return the key with it.

    Raises StatusError.
    """
    changed: KeyFile = yield from algorithms.of(key).warn_at(roster, key, count)
    return changed

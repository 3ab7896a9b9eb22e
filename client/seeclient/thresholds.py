"""Thresholds: each of the last so many signatures needs an acknowledgement, which is a reason that
the machine's ledger keeps.
"""

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


def in_words(count: int) -> str:
    """What a threshold means."""
    if not count:
        return "none; no signature needs acknowledge=REASON"
    last = "the last signature" if count == 1 else f"each of the last {count} signatures"
    return f"{last} needs acknowledge=REASON"

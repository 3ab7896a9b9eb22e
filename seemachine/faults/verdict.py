"""What becomes of a request."""

from seemachine.faults.fault import Fault
from seemachine.faults.kinds import Cut
from seemachine.frozen import frozen
from seemachine.wire.status import StatusError


@frozen
class Verdict:
    """What all faults that a request meets do to it together, in this order: it waits for
    `seconds`; is refused or cut off, or is carried out; its reply is lost or torn.

    `faults` are those that it met.
    """

    seconds: float = 0.0
    refusal: StatusError | None = None
    cut: Cut | None = None
    faults: tuple[Fault, ...] = ()


def verdict_on(met: tuple[Fault, ...]) -> Verdict:
    """Of the faults that a request meets: delays add up, the first of the others decides."""
    for fault in met:
        facts = fault.facts
        if facts.cut is not None:
            return Verdict(_seconds(met), None, facts.cut, met)
        if facts.status is not None:
            detail = fault.detail or facts.detail
            refusal = StatusError(fault.status or facts.status, detail)
            return Verdict(_seconds(met), refusal, None, met)
    return Verdict(_seconds(met), faults=met)


def _seconds(met: tuple[Fault, ...]) -> float:
    return sum(fault.seconds for fault in met)

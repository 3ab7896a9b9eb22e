"""How far a machine's clock is moved on demand."""

from collections.abc import Callable

from seemachine.faults.injector import Injector
from seemachine.faults.kinds import CLOCK


def moved(faults: Injector) -> Callable[[], float]:
    """By how many seconds it is ahead now, all faults together."""
    return lambda: sum(fault.seconds for fault in faults.in_force(CLOCK))

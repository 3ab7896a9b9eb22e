"""What a machine begins with."""

from seemachine.faults.fault import Fault
from seemachine.faults.latency import NONE, Latency
from seemachine.frozen import frozen


@frozen
class Plan:
    """Faults, how slow the machine is, and what draws are made of where a fault says no seed: of
    nothing, each gets one drawn at random.
    """

    faults: tuple[Fault, ...] = ()
    latency: Latency = NONE
    seed: str = ""

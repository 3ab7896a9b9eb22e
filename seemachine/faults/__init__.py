"""Faults on demand: what is to go wrong, when, and how slow a machine is.

Sans-IO, and without a notion of state: whoever does the work asks an `Injector` at each place where
something can go wrong, and does what it says.
"""

from seemachine.faults.counted import Injected
from seemachine.faults.fault import Fault
from seemachine.faults.forms import FaultError, fault_of
from seemachine.faults.injector import Injector
from seemachine.faults.kinds import KINDS, Cut
from seemachine.faults.latency import Latency, latency_of
from seemachine.faults.plan import Plan
from seemachine.faults.verdict import Verdict

__all__ = [
    "KINDS",
    "Cut",
    "Fault",
    "FaultError",
    "Injected",
    "Injector",
    "Latency",
    "Plan",
    "Verdict",
    "fault_of",
    "latency_of",
]

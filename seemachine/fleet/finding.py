"""What `seemachine fleet check` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What is wrong where, and what to do. `esn` is empty when it concerns several HSMs."""

    esn: str
    problem: str
    advice: str

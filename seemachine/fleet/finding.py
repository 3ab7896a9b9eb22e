"""What `seemachine fleet check` says of one thing."""

from dataclasses import dataclass

NOTE, TROUBLE = "note", "trouble"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What is wrong where, and what to do. `esn` is empty when it concerns several HSMs. `level`:
    worth knowing, or something fails until it is mended.
    """

    esn: str
    problem: str
    advice: str
    level: str = TROUBLE

"""What an examination says of one thing."""

from dataclasses import dataclass

from seemachine.fleet import finding

OK, NOTE, TROUBLE = LEVELS = ("ok", finding.NOTE, finding.TROUBLE)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`level`: in order, worth knowing, or something fails until it is mended. `advice` is a
    command or a sentence; empty where nothing is to be done.
    """

    topic: str
    level: str
    sentence: str
    advice: str = ""

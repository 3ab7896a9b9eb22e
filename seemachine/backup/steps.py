"""What a restore did, or found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One thing: its kind and name, what became of it in a word and in a sentence.

    With one that was refused the exit code is 1.
    """

    kind: str
    name: str
    outcome: str
    sentence: str
    refused: bool = False

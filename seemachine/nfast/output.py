"""What the tools print, on standard output but for errors.

A reader who has seen enough (`enquiry | head -1`, `| grep -q`) stops no tool: what it does it does
to its end, and the rest of its lines go nowhere.
"""

from typing import Any, TextIO

from seemachine import printing
from seemachine.terminal import finish_output


def say(text: object = "", file: TextIO | None = None, end: str = "\n") -> None:
    """One line, at once: who watches a dialogue acts on it."""
    try:
        printing.say(text, file=file, end=end, flush=True)
    except BrokenPipeError:
        finish_output()


def say_json(document: Any) -> None:
    """One JSON document."""
    try:
        printing.say_json(document)
    except BrokenPipeError:
        finish_output()
